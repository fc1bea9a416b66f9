import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import type { Persistence, Taken, UnsentWork } from './persistence'

const DATABASE = 'collab'
const STORE = 'unsent'
/** Where records go that cannot be read, in case that somebody can. */
const DAMAGED = 'damaged'
/** A page that was just closed may need a moment to let go of its lock. */
const LOCK_WAIT_MS = 500

interface Row extends UnsentWork {
  key: string
  room: string
  user: string
}

interface Schema extends DBSchema {
  [STORE]: { key: string; value: Row; indexes: { room: string } }
  [DAMAGED]: { key: string; value: Row }
}

/** Unsent work that waits on this device for its author to come back. */
export interface Waiting {
  user: string
  resumeToken: string
  keptAt: number
}

/**
 * Unsent work in the browser's database, one row for each visit to a room. A visit holds a lock named after its row for as
 * long as the page lives, so that another tab takes over only what was left.
 */
export class IndexedDbPersistence implements Persistence {
  readonly #room: string
  readonly #user: string
  readonly #key = crypto.randomUUID()
  /** Rows of earlier visits, whose content is in this visit's document now. */
  #taken: string[] = []
  #releases: (() => void)[] = []
  #isLocked = false

  /** @param user whose work it is: nobody else's is taken over */
  constructor(room: string, user: string) {
    this.#room = room
    this.#user = user
  }

  /** What of a room waits here and is in no open page, newest first. */
  static async waiting(room: string): Promise<Waiting[]> {
    const { held = [] } = await navigator.locks.query()
    const isOpen = (row: Row): boolean => held.some((lock) => lock.name === lockName(row.key))
    return (await rowsOf(room)).filter((row) => !isOpen(row))
  }

  async take(isReadable: (work: UnsentWork) => boolean): Promise<Taken> {
    const taken: Taken = { works: [], damaged: 0 }
    for (const { key, user } of await rowsOf(this.#room)) {
      if (user !== this.#user) continue
      const release = await lock(key)
      // Whoever had the lock may have changed or removed it meanwhile.
      const row = release && (await (await database()).get(STORE, key))
      if (row && !isReadable(row)) {
        await setAside(row)
        taken.damaged++
      } else if (row && row.generation === (taken.works[0] ?? row).generation) {
        taken.works.push(row)
        this.#taken.push(key)
        this.#releases.push(release)
        continue
      }
      release?.()
    }
    return taken
  }

  async keep(work: UnsentWork): Promise<void> {
    await this.#lockOwn()
    await this.#write({ ...work, key: this.#key, room: this.#room, user: this.#user })
  }

  async drop(): Promise<void> {
    await this.#write(null)
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
  async #write(row: Row | null): Promise<void> {
    const transaction = (await database()).transaction(STORE, 'readwrite')
    const old = row ? this.#taken : [...this.#taken, this.#key]
    await Promise.all([
      ...old.map((key) => transaction.store.delete(key)),
      ...(row ? [transaction.store.put(row)] : []),
      transaction.done,
    ])
    this.#taken = []
  }
}

let opened: Promise<IDBPDatabase<Schema>> | null = null

/** Opened once for the page, and again after a failure. */
function database(): Promise<IDBPDatabase<Schema>> {
  const forget = (): void => void (opened = null)
  opened ??= openDB<Schema>(DATABASE, 2, {
    upgrade: (db, version) => {
      if (version < 1) db.createObjectStore(STORE, { keyPath: 'key' }).createIndex('room', 'room')
      db.createObjectStore(DAMAGED, { keyPath: 'key' })
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

/** In one transaction, so that the record is at no time there twice or not at all. */
async function setAside(row: Row): Promise<void> {
  const transaction = (await database()).transaction([STORE, DAMAGED], 'readwrite')
  await Promise.all([
    transaction.objectStore(STORE).delete(row.key),
    transaction.objectStore(DAMAGED).put(row),
    transaction.done,
  ])
}

async function rowsOf(room: string): Promise<Row[]> {
  const rows = await (await database()).getAllFromIndex(STORE, 'room', room)
  return rows.sort((a, b) => b.keptAt - a.keptAt)
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
