import type { MemberInfo, Members, Welcome } from '../wire/frames'

/** Who is in the room. In a large room only the count is known. */
export class Roster {
  #members = new Map<number, MemberInfo>()
  #count = 0

  welcome(frame: Welcome): void {
    this.#members = new Map(frame.members.map((member) => [member.id, member]))
    this.#count = frame.count
  }

  apply(frame: Members): void {
    for (const id of frame.left) this.#members.delete(id)
    for (const member of frame.joined) this.#members.set(member.id, member)
    this.#count = frame.count
    // Names are told only below a limit; a list that is not whole would mislead.
    if (this.#members.size > this.#count) this.#members.clear()
  }

  clear(): void {
    this.#members.clear()
    this.#count = 0
  }

  get count(): number {
    return this.#count
  }

  get(id: number): MemberInfo | undefined {
    return this.#members.get(id)
  }

  list(): MemberInfo[] {
    return [...this.#members.values()]
  }
}
