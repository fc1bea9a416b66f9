import { type Access, CollabProvider, IndexedDbPersistence, TEXT_NAME } from '@collab/provider'
import * as Y from 'yjs'
import type { Place } from './editor'
import { Roll } from './roll'
import { Unsent } from './unsent'

/** One stay in one room: the text, its connection, and what the page remembers of both. It outlives the view of it. */
export class Session {
  readonly doc = new Y.Doc()
  readonly text: Y.Text = this.doc.getText(TEXT_NAME)
  readonly provider: CollabProvider
  /** Takes back one's own changes only: it follows those that an editor on this page makes. */
  readonly undo = new Y.UndoManager(this.text, { trackedOrigins: new Set() })
  /** Where the person was in the text when the last view of it ended. */
  place: Place | null = null
  readonly roll: Roll
  readonly unsent: Unsent
  /** How many records of unsent work this browser could not read. */
  damaged = 0

  constructor(
    readonly room: string,
    readonly name: string,
    access: Access,
  ) {
    const persistence = new IndexedDbPersistence(room, name)
    this.provider = new CollabProvider(location.href, room, this.doc, { ...access, name, persistence })
    this.roll = new Roll(this.provider)
    this.unsent = new Unsent(this.text, this.provider)
    this.provider.on('damaged', (records) => (this.damaged = records))
  }

  get content(): string {
    return this.text.toJSON()
  }

  end(): void {
    this.undo.destroy()
    this.provider.destroy()
    this.doc.destroy()
  }
}
