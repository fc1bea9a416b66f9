import { keepOwnerToken } from '../owner/owner-token'
import { request } from '../shared/api'

interface RoomCreated {
  name: string
  generation: number
  owner_token: string
}

/**
 * Creates a room; the token joins as its owner. This browser keeps it, for the owner's panel.
 * @throws {ApiError} when the server refuses.
 */
export async function createRoom(name: string, password: string): Promise<string> {
  const created = await request<RoomCreated>('/api/rooms', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  })
  keepOwnerToken(created.name, created.owner_token)
  return created.owner_token
}
