import { type Access, CollabProvider, IndexedDbPersistence, TEXT_NAME } from '@collab/provider'
import * as Y from 'yjs'

/** One stay in one room: the text and its connection. */
export class Session {
  readonly doc = new Y.Doc()
  readonly text: Y.Text = this.doc.getText(TEXT_NAME)
  readonly provider: CollabProvider

  constructor(
    readonly room: string,
    readonly name: string,
    access: Access,
  ) {
    const persistence = new IndexedDbPersistence(room, name)
    this.provider = new CollabProvider(location.href, room, this.doc, { ...access, name, persistence })
  }

  get content(): string {
    return this.text.toJSON()
  }

  end(): void {
    this.provider.destroy()
    this.doc.destroy()
  }
}
