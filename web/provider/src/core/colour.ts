/** Told apart from each other and from the text, in light and in dark, and dark enough for white letters. */
const PALETTE = [
  '#c2255c',
  '#1971c2',
  '#277c38',
  '#9c36b5',
  '#b35309',
  '#0b7285',
  '#6741d9',
  '#c92a2a',
  '#5f6d0b',
  '#3b5bdb',
  '#087f5b',
  '#8a5a2b',
  '#a61e8a',
]

/** A member's colour: strong for the caret, light for the selection. */
export interface MemberColour {
  color: string
  colorLight: string
}

/** So many members of a room have each a colour of their own. */
export const COLOUR_COUNT = PALETTE.length

/**
 * The colours of those who are in a room, by their numbers: the same on every screen, for nothing but the list decides. Each has
 * the colour that their number names. Where it names the same for several, the lowest number has it, and the others take what is
 * left, so that somebody who comes or goes changes the colours of few. The terminal and the server have the same rule.
 */
export function memberColours(members: Iterable<number>): Map<number, MemberColour> {
  const ascending = [...members].sort((a, b) => a - b)
  const places = new Map<number, number>()
  const taken = new Set<number>()
  const take = (member: number, place: number): void => {
    places.set(member, place)
    taken.add(place)
  }
  for (const member of ascending) if (!taken.has(named(member))) take(member, named(member))
  for (const member of ascending) if (!places.has(member)) take(member, nextFree(named(member), taken))
  return new Map([...places].map(([member, place]) => [member, colourAt(place)]))
}

function named(member: number): number {
  return member % COLOUR_COUNT
}

/** The first place from here on, around, that nobody has; this one when there is none. */
function nextFree(place: number, taken: Set<number>): number {
  for (let step = 1; step < COLOUR_COUNT; step++) {
    const next = (place + step) % COLOUR_COUNT
    if (!taken.has(next)) return next
  }
  return place
}

function colourAt(place: number): MemberColour {
  const color = PALETTE[place] ?? '#3b5bdb'
  return { color, colorLight: `${color}38` }
}
