/** The editor page: a form to join a room, then the room. */

import '../shared/style.css'
import './form.css'
import './room.css'
import './status.css'
import { type Access, Code, IndexedDbPersistence, type Waiting } from '@collab/provider'
import { tellDocument } from '../shared/language'
import { roomFromAddress, showRoomInAddress } from './address'
import { type Filled, JoinForm } from './join-form'
import { forgetPass, rememberName, rememberPass, rememberedName, rememberedPass } from './memory'
import { rememberRoom } from './recent-rooms'
import { RoomView } from './room-view'
import { Session } from './session'
import { texts } from './texts'
import { timeText } from './words'

const app = document.querySelector('#app') ?? document.body

async function start(): Promise<void> {
  const form = showForm()
  const room = roomFromAddress()
  const pass = rememberedPass(room)
  if (pass) {
    enter(form, room, rememberedName(), { resumeToken: pass })
    return
  }
  // A browser that keeps nothing has nothing that waits.
  const [waiting] = room ? await IndexedDbPersistence.waiting(room).catch(() => []) : []
  if (waiting) welcomeBack(form, room, waiting)
}

/** Somebody left unsent work behind here: it is sent when they come back, which needs no password while their pass holds. */
function welcomeBack(form: JoinForm, room: string, { user, resumeToken, keptAt }: Waiting): void {
  form.tell(texts().form.waiting(user, timeText(keptAt)))
  if (resumeToken) enter(form, room, user, { resumeToken })
}

function showForm(filled: Filled = { room: roomFromAddress(), name: rememberedName() }): JoinForm {
  const join = ({ room, name, access }: { room: string; name: string; access: Access }): void => enter(form, room, name, access)
  const form: JoinForm = new JoinForm(filled, join, (filled) => showForm(filled))
  document.title = 'collab'
  app.replaceChildren(form.element)
  form.focus()
  return form
}

/** Tries to join; the form stays until the server has let us in, and tells how that goes. */
function enter(form: JoinForm, room: string, name: string, access: Access): void {
  const session = new Session(room, name, access)
  const { provider } = session
  const abandon = (): void => session.end()
  form.wait(provider.status, abandon)
  provider.on('status', (status) => form.wait(status, abandon))
  provider.once('refused', (code, message) => {
    if (document.contains(form.element)) session.end()
    if (code === Code.BadToken || code === Code.PasswordChanged) forgetPass(room)
    form.refuse(code, message)
  })
  provider.on('self', (self) => rememberPass(room, self.resumeToken))
  provider.once('self', () => {
    rememberName(name)
    rememberRoom(room, Date.now())
    showRoom(session)
  })
  // Work from an earlier visit to a room that is another one by now: it can be read and kept apart.
  provider.once('generation', () => {
    if (document.contains(form.element)) showRoom(session)
  })
}

function showRoom(session: Session): void {
  const { room, name } = session
  showRoomInAddress(room)
  document.title = `${room} · collab`
  const end = (): void => {
    view.end()
    session.end()
  }
  const view: RoomView = new RoomView(session, {
    leave: () => {
      forgetPass(room)
      end()
      showForm()
    },
    joinAgain: () => {
      end()
      const pass = rememberedPass(room)
      const form = showForm()
      if (pass) enter(form, room, name, { resumeToken: pass })
    },
    changeLanguage: () => {
      view.end()
      showRoom(session)
    },
  })
  app.replaceChildren(view.element)
  view.focus()
}

tellDocument()
// Another room in the address, by a link or by hand, is another visit.
addEventListener('hashchange', () => location.reload())
void start()
