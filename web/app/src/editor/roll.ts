import type { CollabProvider, MemberInfo } from '@collab/provider'

export interface Present {
  count: number
  members: MemberInfo[]
}

/** Who is in the room, as the server told last. */
export class Roll {
  present: Present = { count: 0, members: [] }

  constructor(provider: CollabProvider) {
    provider.on('members', (count, members) => (this.present = { count, members }))
  }
}

/** Who came and who went between two lists, by their names. A list without names, as large rooms have, tells nothing. */
export function comings(before: Present, after: Present): { joined: string[]; left: string[] } {
  if (before.members.length === 0 || after.members.length === 0) return { joined: [], left: [] }
  const without = (members: MemberInfo[], others: MemberInfo[]): string[] =>
    members.filter(({ id }) => !others.some((other) => other.id === id)).map(({ name }) => name)
  return { joined: without(after.members, before.members), left: without(before.members, after.members) }
}
