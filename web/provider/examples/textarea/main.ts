import { CollabProvider, IndexedDbPersistence, TEXT_NAME } from '@collab/provider'
import * as Y from 'yjs'
import { element } from './element'
import { TextareaBinding } from './textarea-binding'

const address = new URLSearchParams(location.search)
const server = address.get('server') ?? 'http://localhost:3001'
const room = address.get('room') ?? 'demo'

const form = element('join', HTMLFormElement)
const textarea = element('text', HTMLTextAreaElement)
const status = element('status', HTMLElement)
const people = element('people', HTMLElement)

form.addEventListener('submit', (event) => {
  event.preventDefault()
  join(element('name', HTMLInputElement).value, element('password', HTMLInputElement).value)
})

function join(name: string, password: string): void {
  const doc = new Y.Doc()
  const persistence = new IndexedDbPersistence(room, name)
  const provider = new CollabProvider(server, room, doc, { password, name, persistence })
  new TextareaBinding(textarea, doc.getText(TEXT_NAME), provider.awareness)
  provider.on('members', (_, members) => people.replaceChildren(...members.map(personItem)))
  provider.on('role', (role) => (textarea.readOnly = role === 'viewer'))
  provider.on('saved', ({ state }) => (status.textContent = state))
  provider.on('status', ({ state }) => (status.textContent = state))
  provider.once('synced', () => {
    form.hidden = true
    textarea.hidden = false
    textarea.focus()
  })
  provider.once('refused', (_, message) => {
    provider.destroy()
    status.textContent = message
  })
}

function personItem({ name }: { name: string }): HTMLElement {
  const item = document.createElement('li')
  item.textContent = name
  return item
}
