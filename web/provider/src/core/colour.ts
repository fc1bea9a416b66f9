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

/** A member's colour, the same on every screen: strong for the caret, light for the selection. */
export function memberColour(member: number): { color: string; colorLight: string } {
  const color = PALETTE[member % PALETTE.length] ?? '#3b5bdb'
  return { color, colorLight: `${color}38` }
}
