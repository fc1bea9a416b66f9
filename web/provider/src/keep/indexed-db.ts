import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import type { Persistence, Taken, UnsentWork } from './persistence.ts'

const DATABASE = 'collab'
const STORE = 'unsent'
/** The texts that unsent work belongs to: large, and written much more rarely than what comes to them. */
const BASES = 'bases'
const STORES = [STORE, BASES] as ('unsent' | 'bases')[]
/** Where records go that cannot be read, in case that somebody can. */
const DAMAGED = 'damaged'
/** A page that was just closed may need a moment to let go of its lock. */
const LOCK_WAIT_MS = 500

interface Row extends Omit<UnsentWork, 'base'> {
  key: string
  room: string
  user: string
}

interface Base {
  key: string
  state: Uint8Array
}

interface Schema extends DBSchema {
  [STORE]: { key: string; value: Row; indexes: { room: string } }
  [BASES]: { key: string; value: Base }
  [DAMAGED]: { key: string; value: Row & { base?: Uint8Array } }
}

type Write = IDBPTransaction<Schema, ('unsent' | 'bases')[], 'readwrite'>

/** Unsent work that waits on this device for its author to come back. */
export interface Waiting {
  user: string
  resumeToken: string
  keptAt: number
}

/**
 * Unsent work in the browser's database, one row for each visit to a room, and the text that it belongs to under the same key. A
 * visit holds a lock named after its row for as long as the page lives, so that another tab takes over only what was left.
 */
export class IndexedDbPersistence implements Persistence {
  readonly #room: string
  readonly #user: string
  readonly #key = crypto.randomUUID()
  /** Rows of earlier visits, whose content is in this visit's document now. */
  #taken: string[] = []
  #releases: (() => void)[] = []
  #isLocked = false
  /** The base that is written. */
  #base: Uint8Array | null = null

  /** @param user whose work it is: nobody else's is taken over */
  constructor(room: string, user: string) {
    this.#room = room
    this.#user = user
  }

  /** What of a room waits here and is in no open page, newest first. */
  static async waiting(room: string): Promise<Waiting[]> {
    const isOpen = await openVisits()
    return (await rowsOf(room)).filter(({ key }) => !isOpen(key))
  }

  async take(isReadable: (work: UnsentWork) => boolean): Promise<Taken> {
    const taken: Taken = { works: [], damaged: 0 }
    for (const { key, user } of await rowsOf(this.#room)) {
      if (user !== this.#user) continue
      const release = await lock(key)
      // Whoever had the lock may have changed or removed it meanwhile.
      const work = release && (await workOf(key))
      if (work && !isReadable(work)) {
        await setAside(key)
        taken.damaged++
      } else if (work && work.generation === (taken.works[0] ?? work).generation) {
        taken.works.push(work)
        this.#taken.push(key)
        this.#releases.push(release)
        continue
      }
      release?.()
    }
    await sweep()
    return taken
  }

  async keep({ base, ...rest }: UnsentWork): Promise<void> {
    await this.#lockOwn()
    const isWritten = base === this.#base
    this.#base = null
    await this.#write((transaction) => [
      transaction.objectStore(STORE).put({ ...rest, key: this.#key, room: this.#room, user: this.#user }),
      ...(isWritten ? [] : [transaction.objectStore(BASES).put({ key: this.#key, state: base })]),
    ])
    this.#base = base
  }

  async drop(): Promise<void> {
    await this.#write((transaction) => [transaction.objectStore(STORE).delete(this.#key)])
  }

  async clear(): Promise<void> {
    if (!this.#base) return
    this.#base = null
    await this.#write((transaction) => [transaction.objectStore(BASES).delete(this.#key)])
  }

  close(): void {
    for (const release of this.#releases.splice(0)) release()
  }

  async #lockOwn(): Promise<void> {
    if (this.#isLocked) return
    const release = await lock(this.#key)
    if (release) this.#releases.push(release)
    this.#isLocked = true
  }

  /** In one transaction, so that what was taken over is at no time there twice or not at all. */
  async #write(requests: (transaction: Write) => Promise<unknown>[]): Promise<void> {
    const transaction = (await database()).transaction(STORES, 'readwrite')
    const removals = this.#taken.flatMap((key) => STORES.map((store) => transaction.objectStore(store).delete(key)))
    await Promise.all([...removals, ...requests(transaction), transaction.done])
    this.#taken = []
  }
}

let opened: Promise<IDBPDatabase<Schema>> | null = null

/** Opened once for the page, and again after a failure. */
function database(): Promise<IDBPDatabase<Schema>> {
  const forget = (): void => void (opened = null)
  opened ??= openDB<Schema>(DATABASE, 3, {
    upgrade: (db, version) => {
      if (version < 1) db.createObjectStore(STORE, { keyPath: 'key' }).createIndex('room', 'room')
      if (version < 2) db.createObjectStore(DAMAGED, { keyPath: 'key' })
      db.createObjectStore(BASES, { keyPath: 'key' })
    },
    // A page of a newer version waits for this one to let go.
    blocking: (_, __, event) => {
      forget()
      ;(event.target as IDBDatabase).close()
    },
    terminated: forget,
  })
  opened.catch(forget)
  return opened
}

async function workOf(key: string): Promise<UnsentWork | null> {
  const transaction = (await database()).transaction(STORES)
  const [row, base] = await Promise.all([transaction.objectStore(STORE).get(key), transaction.objectStore(BASES).get(key)])
  // Without its base it is damaged, as bytes that are none would be.
  return row ? { ...row, base: base?.state ?? new Uint8Array() } : null
}

/** In one transaction, so that the record is at no time there twice or not at all. */
async function setAside(key: string): Promise<void> {
  const transaction = (await database()).transaction([STORE, BASES, DAMAGED], 'readwrite')
  const row = await transaction.objectStore(STORE).get(key)
  const base = await transaction.objectStore(BASES).get(key)
  await Promise.all([
    ...(row ? [transaction.objectStore(DAMAGED).put({ ...row, ...(base ? { base: base.state } : {}) })] : []),
    transaction.objectStore(STORE).delete(key),
    transaction.objectStore(BASES).delete(key),
    transaction.done,
  ])
}

/** Removes the bases of visits that ended before they could do so. */
async function sweep(): Promise<void> {
  const db = await database()
  const [bases, rows] = await Promise.all([db.getAllKeys(BASES), db.getAllKeys(STORE)])
  const orphans = bases.filter((key) => !rows.includes(key))
  // Asked after that: a visit has its lock before it has a base.
  const isOpen = orphans.length > 0 ? await openVisits() : () => true
  await Promise.all(orphans.filter((key) => !isOpen(key)).map((key) => db.delete(BASES, key)))
}

async function rowsOf(room: string): Promise<Row[]> {
  const rows = await (await database()).getAllFromIndex(STORE, 'room', room)
  return rows.sort((a, b) => b.keptAt - a.keptAt)
}

/** Tells by its key whether a visit goes on. */
async function openVisits(): Promise<(key: string) => boolean> {
  const { held = [] } = await navigator.locks.query()
  return (key) => held.some(({ name }) => name === lockName(key))
}

function lockName(key: string): string {
  return `collab-unsent-${key}`
}

/** Gives what releases the lock; null when a page that is open has it. */
function lock(key: string): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const held = (): Promise<void> => new Promise((release) => resolve(release))
    navigator.locks.request(lockName(key), { signal: AbortSignal.timeout(LOCK_WAIT_MS) }, held).catch(() => resolve(null))
  })
}
