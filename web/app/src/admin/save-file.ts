import { h } from '../shared/dom'

/** Gives a file to the person, as a download. */
export function saveFile(name: string, file: Blob): void {
  const url = URL.createObjectURL(file)
  h('a', { href: url, download: name }).click()
  // The browser has taken it over once the click was handled.
  setTimeout(() => URL.revokeObjectURL(url))
}
