/** A member's colour, the same on every screen: strong for the caret, light for the selection. */
export function memberColour(member: number): { color: string; colorLight: string } {
  // The golden angle keeps neighbouring numbers far apart on the wheel.
  const hue = Math.round((member * 137.508) % 360)
  return { color: `hsl(${hue} 70% 42%)`, colorLight: `hsl(${hue} 70% 50% / 0.22)` }
}
