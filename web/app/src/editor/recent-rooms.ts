/** The rooms that were visited with this browser, newest first. Only their names and the time; they can be forgotten. */

const KEY = 'collab.recent'
const MOST = 8

export interface RecentRoom {
  room: string
  visitedAt: number
}

export function recentRooms(): RecentRoom[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter(isRecent).slice(0, MOST) : []
  } catch {
    return []
  }
}

export function rememberRoom(room: string, visitedAt: number): void {
  keep([{ room, visitedAt }, ...recentRooms().filter((recent) => recent.room !== room)].slice(0, MOST))
}

export function forgetRoom(room: string): void {
  keep(recentRooms().filter((recent) => recent.room !== room))
}

export function forgetRooms(): void {
  localStorage.removeItem(KEY)
}

function keep(rooms: RecentRoom[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(rooms))
  } catch {
    // A full or forbidden storage costs a convenience, nothing else.
  }
}

function isRecent(value: unknown): value is RecentRoom {
  const { room, visitedAt } = (value ?? {}) as Partial<RecentRoom>
  return typeof room === 'string' && typeof visitedAt === 'number'
}
