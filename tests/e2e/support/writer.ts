/** Who somebody is to the join form. */
export interface Person {
  room: string
  name: string
  password: string
}

/** How a visit begins. */
export interface Visit {
  /** What this browser shall not have. */
  without?: 'WebTransport'
}

/** Somebody in front of the page, in whichever browser, in the words of that person. */
export interface Writer {
  /** What the browser complained about. */
  readonly complaints: string[]
  create(person: Person): Promise<void>
  /** Joins by the form, and waits to be let in. */
  join(person: Person): Promise<void>
  press(name: string | RegExp): Promise<void>
  /** Waits until the page shows this. */
  says(text: string | RegExp): Promise<void>
  isLive(timeoutMs?: number): Promise<void>
  isSaved(): Promise<void>
  /** Waits until closing the tab loses nothing. */
  isKept(): Promise<void>
  /** Types at the end of the text, key by key. */
  type(text: string): Promise<void>
  /** The text, without the cursors and names of others that stand in it. */
  text(): Promise<string>
  reload(): Promise<void>
  /** Another tab of the same person. */
  another(url: string): Promise<Writer>
  closeTab(): Promise<void>
  /** Ends the visit with everything that it left in the browser. */
  close(): Promise<void>
}

/** A browser that people of their own come with. */
export interface Visitors {
  visit(url: string, how?: Visit): Promise<Writer>
  close(): Promise<void>
}

/** Runs in the page. */
export function textOf(content: Element): string {
  const copy = content.cloneNode(true) as Element
  for (const extra of copy.querySelectorAll('.cm-ySelectionCaret, .cm-placeholder')) extra.remove()
  return [...copy.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n')
}
