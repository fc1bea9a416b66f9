import { Code, type Keeping, type LatencyReport, type SaveStatus, type Status } from '@collab/provider'

/** What each refusal means for the person at this page, and what to do. */
const REFUSALS: Record<number, string> = {
  [Code.WrongPassword]: 'Wrong password for this room.',
  [Code.BadToken]: 'Your pass for this room has ended. Join with the password.',
  [Code.NoSuchRoom]: 'There is no room of this name yet.',
  [Code.UnsupportedProtocol]: 'This page and the server are of different versions. Reload the page.',
  [Code.BadName]: 'This name is not allowed. Rooms use a–z, 0–9, - and _; people have 1 to 40 characters.',
  [Code.Removed]: 'You were removed from this room.',
  [Code.Banned]: 'You may not join this room.',
  [Code.RoomDeleted]: 'This room was deleted.',
  [Code.Replaced]: 'You opened this room in another tab or window; this one has stopped.',
  [Code.PasswordChanged]: 'The password of this room was changed. Join with the new one.',
  [Code.RoomExists]: 'A room of this name exists already. Join it with its password.',
  [Code.BadPassword]: 'A password has at least 6 characters and at most 256 bytes.',
}

/** Where a change is that is not saved, by what becomes of it when the page is closed. */
const DEVICE: Record<Keeping, string> = {
  none: 'Only in this tab',
  failed: 'Only in this tab',
  pending: 'On this device',
  kept: 'Kept on this device',
}

/** A refusal in words; the server's own where this page knows no better. */
export function refusalText(code: number, message: string): string {
  return REFUSALS[code] ?? (message || 'The server refused.')
}

/** What is wrong with changes that the server does not take. */
export function problemText({ code, message }: { code: number; message: string }): string {
  switch (code) {
    case Code.DocumentFull:
      return 'This text has reached its largest size. Remove something, then it can be saved.'
    case Code.UpdateTooLarge:
      return 'This change is too large to save. Remove part of it, then it can be saved.'
    case Code.ReadOnly:
      return 'You may read this room, but your changes are not taken. They are only here.'
    default:
      return `${message} Your latest changes are only here: download a copy.`
  }
}

export function stateText(status: Status, now: number): string {
  switch (status.state) {
    case 'offline':
      return 'Not connected'
    case 'connecting':
      return 'Connecting…'
    case 'joining':
      return 'Joining…'
    case 'live':
      return 'Live'
    case 'draining':
      return 'Leaving…'
    case 'backoff':
      return `Connection lost. Trying again in ${seconds(status.retryAt - now)}`
    case 'refused':
      return 'Stopped'
  }
}

export function saveText({ state, durability, keeping }: SaveStatus): string {
  if (state === 'device') return DEVICE[keeping]
  if (state === 'sent') return 'Sent'
  return durability === 'quorum' ? 'Saved on several servers' : 'Saved'
}

/** Why an edit waits, once that takes longer than anybody would take for normal. */
export function budgetText({ nextEditAt }: SaveStatus, now: number): string {
  const wait = nextEditAt === null ? 0 : nextEditAt - now
  return wait > 700 ? `Next edit goes out in ${tenths(wait)}` : ''
}

export function latencyText({ p50 }: LatencyReport): string {
  if (p50 === null) return ''
  return p50 < 10 ? `${p50.toFixed(1)} ms` : `${Math.round(p50)} ms`
}

export function latencyDetail({ p50, jitter, loss }: LatencyReport): string {
  if (p50 === null) return 'No answer to a ping yet'
  const parts = [`Round trip ${p50.toFixed(1)} ms (median of the last 20)`]
  if (jitter !== null) parts.push(`jitter ${jitter.toFixed(1)} ms`)
  parts.push(`${Math.round(loss * 100)} % lost`)
  return parts.join(', ')
}

export function peopleText(count: number): string {
  return count === 1 ? 'Only you' : `${count} people`
}

/** A day and time in the words of the person's own language. */
export function timeText(epochMs: number): string {
  return new Date(epochMs).toLocaleString([], { weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' })
}

function seconds(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))} s`
}

function tenths(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
