import { h } from '../shared/dom'

/** Said in a browser without WebTransport, or on a page that was not loaded in a secure way. */
export function unsupportedNotice(): HTMLElement {
  const why = isSecureContext
    ? 'This browser has no WebTransport. Use a current Chrome, Edge, Firefox or Safari (26.4 or later).'
    : 'Browsers allow WebTransport only on secure pages: open this server by https, or as localhost.'
  return h('section', { class: 'card notice' }, h('h1', {}, 'This page cannot connect'), h('p', {}, why))
}
