/** Moves the focus to the next part of the page, around in a ring: tools, text, preview. For F6, as in other programs. */
export function nextRegion(regions: HTMLElement[]): void {
  const present = regions.filter((region) => region.isConnected && region.offsetParent !== null)
  const current = present.findIndex((region) => region.contains(document.activeElement))
  const next = present[(current + 1) % present.length]
  const inside = next?.querySelector<HTMLElement>('.cm-content, button:not(:disabled), summary, iframe')
  inside?.focus()
}
