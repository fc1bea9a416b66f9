import { CollabProvider, TEXT_NAME } from '@collab/provider'
import * as Y from 'yjs'

// Which server and room: ?server=http://localhost:3001&room=demo
const address = new URLSearchParams(location.search)
const server = address.get('server') ?? 'http://localhost:3001'
const room = address.get('room') ?? 'demo'

const show = (id: string, content: string) => document.getElementById(id)?.replaceChildren(content)

const doc = new Y.Doc()
const text = doc.getText(TEXT_NAME)
text.observe(() => show('text', text.toJSON()))

const provider = new CollabProvider(server, room, doc, { password: prompt('Password') ?? '', name: 'Guest' })
provider.on('status', ({ state }) => show('status', state))
provider.on('saved', ({ state }) => show('status', state === 'saved' ? 'saved' : 'not saved yet'))
provider.on('refused', (_, message) => show('status', message))

document.getElementById('greet')?.addEventListener('click', () => text.insert(text.length, 'Hello! '))
