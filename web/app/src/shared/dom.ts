type Attributes = Record<string, string | boolean | ((event: Event) => void)>

/**
 * Makes an element. A function is a listener for the event its key names, `true` is a bare attribute, `false` none.
 * Children are nodes or text; text is never read as HTML.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (value !== false) element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children)
  return element
}

/** A button that does one thing. */
export function button(className: string, click: () => void, ...content: (Node | string)[]): HTMLButtonElement {
  return h('button', { type: 'button', class: className, click }, ...content)
}

/** Sets an element's text if it differs, so that a live region does not speak twice. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text
}
