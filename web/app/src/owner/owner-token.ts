/** The right to rule a room: this browser got it when it created the room, or somebody pasted it. */

const key = (room: string): string => `collab.owner.${room}`

/** The kept token of a room; empty when there is none. */
export function keptOwnerToken(room: string): string {
  return localStorage.getItem(key(room)) ?? ''
}

export function keepOwnerToken(room: string, token: string): void {
  try {
    localStorage.setItem(key(room), token)
  } catch {
    // A full or forbidden storage: the token must be pasted next time.
  }
}

export function forgetOwnerToken(room: string): void {
  localStorage.removeItem(key(room))
}
