import type { Role } from '@collab/provider'
import { request } from '../shared/api'
import type { Pace, RoomPolicy } from './pace'

/** Somebody who is in the room now, as its owner sees them. */
export interface Member {
  member: number
  name: string
  role: Role
}

/** How often people may write in a room: what holds, and what of it the room decides. */
export interface RoomInfo {
  pace: Pace
  policy: RoomPolicy
}

/** What the owner of one room may do over HTTP. Every method throws an `ApiError` when the server refuses. */
export class RoomApi {
  readonly #path: string

  constructor(
    room: string,
    readonly token: string,
  ) {
    this.#path = `/api/rooms/${encodeURIComponent(room)}`
  }

  members(): Promise<Member[]> {
    return this.#ask('GET', '/members')
  }

  setRole(member: number, role: Role): Promise<void> {
    return this.#ask('PUT', `/members/${member}/role`, { role })
  }

  /** Removes somebody, who cannot come back for so many milliseconds. */
  kick(member: number, banMs: number): Promise<void> {
    return this.#ask('DELETE', `/members/${member}${banMs > 0 ? `?ban_ms=${banMs}` : ''}`)
  }

  changePassword(password: string): Promise<void> {
    return this.#ask('PUT', '/password', { password })
  }

  /** @param password lets people in who may only read; null for none */
  changeViewerPassword(password: string | null): Promise<void> {
    return this.#ask('PUT', '/viewer-password', { password })
  }

  room(): Promise<RoomInfo> {
    return this.#ask('GET', '')
  }

  changePolicy(policy: RoomPolicy): Promise<RoomInfo> {
    return this.#ask('PATCH', '/policy', policy)
  }

  deleteRoom(): Promise<void> {
    return this.#ask('DELETE', '')
  }

  #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.token}` }
    if (!body) return request<T>(this.#path + path, { method, headers })
    headers['content-type'] = 'application/json'
    return request<T>(this.#path + path, { method, headers, body: JSON.stringify(body) })
  }
}
