/** The editor page: a form to join a room, then the room. */

import '../shared/style.css'
import './form.css'
import './room.css'
import { Code, type Credential, WebTransportTransport } from '@collab/provider'
import { roomFromAddress, showRoomInAddress } from './address'
import { JoinForm } from './join-form'
import { forgetPass, rememberName, rememberPass, rememberedName, rememberedPass } from './memory'
import { RoomView } from './room-view'
import { Session } from './session'
import { unsupportedNotice } from './unsupported-notice'

const app = document.querySelector('#app') ?? document.body

function start(): void {
  if (!WebTransportTransport.isSupported) return app.replaceChildren(unsupportedNotice())
  const form = showForm()
  const room = roomFromAddress()
  const pass = rememberedPass(room)
  if (pass) enter(form, room, rememberedName(), { type: 'Resume', secret: pass })
}

function showForm(): JoinForm {
  const form: JoinForm = new JoinForm({ room: roomFromAddress(), name: rememberedName() }, ({ room, name, credential }) =>
    enter(form, room, name, credential),
  )
  document.title = 'collab'
  app.replaceChildren(form.element)
  form.focus()
  return form
}

/** Tries to join; the form stays until the server has let us in, and tells how that goes. */
function enter(form: JoinForm, room: string, name: string, credential: Credential): void {
  const session = new Session(room, name, credential)
  const { provider } = session
  const abandon = (): void => session.end()
  form.wait(provider.status, abandon)
  provider.on('status', (status) => form.wait(status, abandon))
  provider.once('refused', (code, message) => {
    if (document.contains(form.element)) session.end()
    if (code === Code.BadToken) forgetPass(room)
    form.refuse(code, message)
  })
  provider.on('self', (self) => rememberPass(room, self.resumeToken))
  provider.once('self', () => showRoom(session))
}

function showRoom(session: Session): void {
  const { room, name } = session
  rememberName(name)
  showRoomInAddress(room)
  document.title = `${room} · collab`
  const view = new RoomView(session, {
    leave: () => {
      forgetPass(room)
      view.end()
      showForm()
    },
    joinAgain: () => {
      view.end()
      const pass = rememberedPass(room)
      const form = showForm()
      if (pass) enter(form, room, name, { type: 'Resume', secret: pass })
    },
  })
  app.replaceChildren(view.element)
  view.focus()
}

// Another room in the address, by a link or by hand, is another visit.
addEventListener('hashchange', () => location.reload())
start()
