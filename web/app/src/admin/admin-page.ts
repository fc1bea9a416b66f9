import { Code } from '@collab/provider'
import { ApiError } from '../shared/api'
import { h } from '../shared/dom'
import { tellDocument } from '../shared/language'
import { forgetAdminToken, keepAdminToken, keptAdminToken } from './admin-token'
import { TokenForm } from './token-form'
import { adminWords } from './words'
import '../shared/style.css'
import '../editor/form.css'
import './admin.css'

/** What such a page shows once it has the token. */
export interface AdminView {
  element: HTMLElement
  /** Stops asking the server. */
  end(): void
}

/** Tells what went wrong with a request. Returns why in words, and whether it may pass by itself; null when the token was wrong. */
export type Failure = (error: unknown) => { message: string; mayPass: boolean } | null

/**
 * Shows a page that needs the admin token, which is asked for once.
 * @param make what to show with a token; it hands every failed request to `failure`
 */
export function openAdminPage(title: string, make: (token: string, failure: Failure) => AdminView): void {
  const app = document.querySelector('#app') ?? document.body
  const words = adminWords()

  const open = (token: string): void => {
    const view: AdminView = make(token, (error) => {
      if (!(error instanceof ApiError)) return { message: words.unreachable, mayPass: true }
      if (error.code !== Code.Unauthorized) return { message: error.message, mayPass: false }
      view.end()
      ask(words.wrong)
      return null
    })
    const forget = (): void => {
      view.end()
      ask('')
    }
    app.replaceChildren(view.element, h('footer', { class: 'admin-footer' }, h('button', { type: 'button', class: 'small', click: forget }, words.forget)))
  }

  const ask = (message: string): void => {
    forgetAdminToken()
    const form = new TokenForm(title, message, (token, keep) => {
      keepAdminToken(token, keep)
      open(token)
    })
    app.replaceChildren(form.element)
    form.focus()
  }

  tellDocument()
  document.title = `${title} · collab`
  const kept = keptAdminToken()
  if (kept) open(kept)
  else ask('')
}

/** The ways from one of these pages to the others. */
export function adminLinks(here: 'logs' | 'status'): HTMLElement {
  const words = adminWords()
  const other = here === 'logs' ? h('a', { href: '/status' }, words.toStatus) : h('a', { href: '/logs' }, words.toLogs)
  return h('nav', { 'aria-label': 'collab' }, other, h('a', { href: '/' }, words.toEditor))
}
