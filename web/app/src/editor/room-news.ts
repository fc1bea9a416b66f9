import type { CollabProvider, Role, Status } from '@collab/provider'
import type { Announcer } from '../shared/announcer'
import { comings } from './roll'
import type { Session } from './session'
import { texts } from './texts'
import { namesText, stateText } from './words'

/** Says aloud what happens in a room: who comes and goes, whether the connection stands, and what one may do. */
export class RoomNews {
  readonly #session: Session
  readonly #announcer: Announcer
  #present
  #role: Role
  #isLive: boolean

  constructor(session: Session, announcer: Announcer) {
    const { provider, roll } = session
    this.#session = session
    this.#announcer = announcer
    this.#present = roll.present
    this.#role = provider.role
    this.#isLive = provider.status.state === 'live'
    provider.on('members', this.#onMembers)
    provider.on('role', this.#onRole)
    provider.on('status', this.#onStatus)
  }

  end(): void {
    const provider: CollabProvider = this.#session.provider
    provider.off('members', this.#onMembers)
    provider.off('role', this.#onRole)
    provider.off('status', this.#onStatus)
  }

  readonly #onMembers = (): void => {
    const { joined, left } = comings(this.#present, this.#session.roll.present)
    this.#present = this.#session.roll.present
    const { people } = texts()
    if (joined.length > 0) this.#announcer.say(people.joined(namesText(joined)))
    if (left.length > 0) this.#announcer.say(people.left(namesText(left)))
  }

  readonly #onRole = (role: Role): void => {
    const { room } = texts()
    const couldWrite = this.#role !== 'viewer'
    const canWrite = role !== 'viewer'
    this.#role = role
    if (couldWrite !== canWrite) this.#announcer.say(canWrite ? room.nowWriting : room.nowReadOnly)
  }

  readonly #onStatus = (status: Status): void => {
    if (status.state === 'live' && !this.#isLive) this.#announcer.say(texts().lost.back)
    else if (status.state === 'backoff' && this.#isLive) this.#announcer.say(`${stateText(status)}.`)
    if (status.state === 'live' || status.state === 'backoff') this.#isLive = status.state === 'live'
  }
}
