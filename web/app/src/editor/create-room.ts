import { request } from '../shared/api'

interface RoomCreated {
  name: string
  generation: number
  owner_token: string
}

/**
 * Creates a room; the token joins as its owner.
 * @throws {ApiError} when the server refuses.
 */
export async function createRoom(name: string, password: string): Promise<string> {
  const created = await request<RoomCreated>('/api/rooms', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  })
  return created.owner_token
}
