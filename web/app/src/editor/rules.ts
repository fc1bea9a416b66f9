import { MAX_NAME_CHARS, MAX_PASSWORD_BYTES, MAX_ROOM_NAME_CHARS, MIN_PASSWORD_CHARS } from '@collab/provider'
import { texts } from './texts'

/** What is wrong with a room's name, or null. */
export function roomProblem(room: string): string | null {
  const { rules } = texts()
  if (room === '') return rules.noRoom
  if (!/^[a-z0-9_-]+$/.test(room)) return rules.badRoom
  return room.length > MAX_ROOM_NAME_CHARS ? rules.longRoom(MAX_ROOM_NAME_CHARS) : null
}

/** What is wrong with a person's name, or null. */
export function nameProblem(name: string): string | null {
  const { rules } = texts()
  if (name.trim() === '') return rules.noName
  return Array.from(name.trim()).length > MAX_NAME_CHARS ? rules.longName(MAX_NAME_CHARS) : null
}

/** What is wrong with a password, or null. */
export function passwordProblem(password: string): string | null {
  const { rules } = texts()
  if (Array.from(password).length < MIN_PASSWORD_CHARS) return rules.shortPassword(MIN_PASSWORD_CHARS)
  return new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES ? rules.longPassword : null
}
