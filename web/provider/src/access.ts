import type { Credential } from './wire/frames.ts'

/** What gives the right to enter a room: its password, a token that an application made, or the one of an earlier visit. */
export type Access = { password: string } | { token: string } | { resumeToken: string }

/** As it goes over the wire. */
export function credentialOf(access: Access): Credential {
  if ('password' in access) return { type: 'Password', secret: access.password }
  if ('token' in access) return { type: 'Token', secret: access.token }
  return { type: 'Resume', secret: access.resumeToken }
}
