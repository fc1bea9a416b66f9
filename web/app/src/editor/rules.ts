import { MAX_NAME_CHARS, MAX_PASSWORD_BYTES, MAX_ROOM_NAME_CHARS, MIN_PASSWORD_CHARS } from '@collab/provider'

/** What is wrong with a room's name, or null. */
export function roomProblem(room: string): string | null {
  if (room === '') return 'Which room? Give it a name.'
  if (!/^[a-z0-9_-]+$/.test(room)) return 'A room’s name is made of a–z, 0–9, - and _.'
  if (room.length > MAX_ROOM_NAME_CHARS) return `A room’s name has at most ${MAX_ROOM_NAME_CHARS} characters.`
  return null
}

/** What is wrong with a person's name, or null. */
export function nameProblem(name: string): string | null {
  if (name.trim() === '') return 'What should the others call you?'
  if (Array.from(name.trim()).length > MAX_NAME_CHARS) return `A name has at most ${MAX_NAME_CHARS} characters.`
  return null
}

/** What is wrong with a password, or null. */
export function passwordProblem(password: string): string | null {
  if (Array.from(password).length < MIN_PASSWORD_CHARS) return `A password has at least ${MIN_PASSWORD_CHARS} characters.`
  if (new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES) return 'This password is too long.'
  return null
}
