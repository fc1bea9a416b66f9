/** The page of the stored log. */

import '../shared/style.css'
import '../editor/form.css'
import './logs.css'
import { filterFromAddress } from './filter'
import { LogView } from './log-view'
import { TokenForm } from './token-form'

const TOKEN = 'collab.admin-token'
const app = document.querySelector('#app') ?? document.body

function open(token: string): void {
  sessionStorage.setItem(TOKEN, token)
  app.replaceChildren(new LogView(token, filterFromAddress(location.search), ask).element)
}

function ask(message: string): void {
  sessionStorage.removeItem(TOKEN)
  const form = new TokenForm(message, open)
  app.replaceChildren(form.element)
  form.focus()
}

const kept = sessionStorage.getItem(TOKEN)
if (kept) open(kept)
else ask('')
