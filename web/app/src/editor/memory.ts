/** What the browser keeps: the person's name for good, the pass for a room as long as the tab lives. */

const NAME = 'collab.name'
const pass = (room: string): string => `collab.pass.${room}`

export function rememberedName(): string {
  return read(localStorage, NAME)
}

export function rememberName(name: string): void {
  write(localStorage, NAME, name)
}

/** The resume token of this tab, so that a reload needs no password; empty when there is none. */
export function rememberedPass(room: string): string {
  return read(sessionStorage, pass(room))
}

export function rememberPass(room: string, token: string): void {
  write(sessionStorage, pass(room), token)
}

export function forgetPass(room: string): void {
  sessionStorage.removeItem(pass(room))
}

function read(storage: Storage, key: string): string {
  return storage.getItem(key) ?? ''
}

function write(storage: Storage, key: string, value: string): void {
  try {
    storage.setItem(key, value)
  } catch {
    // A full or forbidden storage costs a convenience, nothing else.
  }
}
