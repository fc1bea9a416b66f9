import { h } from '../../shared/dom'
import style from './preview.css?inline'

/**
 * A document of its own for rendered HTML. No script can run in it, whatever it holds: the sandbox allows none, and neither do
 * the page's rules, which it inherits. It may only open links, each in a new tab.
 */
export class Frame {
  readonly element = h('iframe', { sandbox: 'allow-same-origin allow-popups allow-popups-to-escape-sandbox' })

  constructor(title: string) {
    this.element.title = title
    this.element.srcdoc = `<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><style>${style}</style>`
  }

  /** Shows this HTML, which the server has cleaned, at the place where the last one was scrolled to. */
  show(html: string): void {
    const body = this.element.contentDocument?.body
    if (!body) return
    const parsed = new DOMParser().parseFromString(html, 'text/html')
    for (const link of parsed.querySelectorAll('a[href]')) {
      link.setAttribute('target', '_blank')
      link.setAttribute('rel', 'noopener noreferrer')
    }
    body.replaceChildren(...parsed.body.childNodes)
  }

  /** @param share how far down, from 0 to 1 */
  scrollTo(share: number): void {
    const root = this.element.contentDocument?.documentElement
    if (root) root.scrollTop = share * (root.scrollHeight - root.clientHeight)
  }
}
