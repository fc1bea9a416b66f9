/** One change that makes a text into another. Lengths are in UTF-16 units. */
export interface Change {
  at: number
  removed: number
  inserted: string
}

/** The smallest single change from one text to another: all between what both have in front and behind. */
export function difference(before: string, after: string): Change {
  const shorter = Math.min(before.length, after.length)
  let at = 0
  while (at < shorter && before[at] === after[at]) at++
  // No pair that stands for one character is cut in two.
  if (at > 0 && isHigh(before.charCodeAt(at - 1))) at--
  let behind = 0
  while (behind < shorter - at && before.at(-1 - behind) === after.at(-1 - behind)) behind++
  if (behind > 0 && isLow(before.charCodeAt(before.length - behind))) behind--
  return { at, removed: before.length - at - behind, inserted: after.slice(at, after.length - behind) }
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}
