import type { MemberInfo, Members, Welcome } from '../wire/frames.ts'
import { type MemberColour, memberColours } from './colour.ts'

/** Somebody as the others see them. */
export interface Person {
  name: string
  colour: MemberColour
}

/** Who is in the room. In a large room only the count is known. */
export class Roster {
  #members = new Map<number, MemberInfo>()
  #colours = new Map<number, MemberColour>()
  #count = 0

  welcome(frame: Welcome): void {
    this.#members = new Map(frame.members.map((member) => [member.id, member]))
    this.#count = frame.count
    this.#colours = memberColours(this.#members.keys())
  }

  apply(frame: Members): void {
    for (const id of frame.left) this.#members.delete(id)
    for (const member of frame.joined) this.#members.set(member.id, member)
    this.#count = frame.count
    // Names are told only below a limit; a list that is not whole would mislead.
    if (this.#members.size > this.#count) this.#members.clear()
    this.#colours = memberColours(this.#members.keys())
  }

  clear(): void {
    this.#members.clear()
    this.#colours.clear()
    this.#count = 0
  }

  get count(): number {
    return this.#count
  }

  get(id: number): Person | undefined {
    const [info, colour] = [this.#members.get(id), this.#colours.get(id)]
    return info && colour && { name: info.name, colour }
  }

  list(): MemberInfo[] {
    return [...this.#members.values()]
  }
}
