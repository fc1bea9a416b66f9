/** What a visit to a room leaves behind while the server has not saved all of it. */
export interface UnsentWork {
  /** Which life of the room's text it belongs to. */
  generation: number
  /** The whole document as it was a while ago, as a Yjs update: the same object as long as it is the same, so that it need be written only once. */
  base: Uint8Array
  /** What came to it since then, in order, as Yjs updates. */
  since: Uint8Array[]
  /** What of the document is not saved, in order, as Yjs updates. */
  changes: Uint8Array[]
  /** Joins as the same member; empty when that is not wanted. */
  resumeToken: string
  /** When it was written down, in milliseconds since 1970. */
  keptAt: number
}

/** What earlier visits left. */
export interface Taken {
  /** All of one generation. */
  works: UnsentWork[]
  /** How many records could not be read. They stay where they are kept, apart from the others. */
  damaged: number
}

/** Where one visit to one room keeps its unsent work. A promise that fails means that nothing can be kept now. */
export interface Persistence {
  /** Takes over what earlier visits left, unless another one that goes on has it; sets aside what is not readable. */
  take(isReadable: (work: UnsentWork) => boolean): Promise<Taken>
  /** Keeps this in the place of all that this visit took over or kept before. */
  keep(work: UnsentWork): Promise<void>
  /** Everything is saved or given up: forgets all that this visit took over or kept, but for the base, which the next work may have too. */
  drop(): Promise<void>
  /** Forgets the base, after {@link drop}. */
  clear(): Promise<void>
  /** The visit is over. What is kept stays for the next one. */
  close(): void
}

/**
 * How what is not saved is kept. `none`: there is nothing, or no place for it. `pending`: it is being written.
 * `kept`: closing the page loses nothing. `failed`: the browser does not let us, closing the page loses it.
 */
export type Keeping = 'none' | 'pending' | 'kept' | 'failed'
