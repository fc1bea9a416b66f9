/** The room is in the address, so that a link leads into it: `/#room=demo`. */

export function roomFromAddress(): string {
  const named = new URLSearchParams(location.hash.slice(1)).get('room') ?? ''
  return named.trim().toLowerCase()
}

export function roomLink(room: string): string {
  return new URL(`/#room=${encodeURIComponent(room)}`, location.href).href
}

export function showRoomInAddress(room: string): void {
  history.replaceState(null, '', room ? roomLink(room) : '/')
}
