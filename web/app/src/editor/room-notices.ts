import type { CollabProvider, SaveStatus } from '@collab/provider'
import { Banner, type Choice } from './banner'
import { download } from './download'
import type { Session } from './session'
import { texts } from './texts'
import { problemText, refusalText, timeText } from './words'

/** What a member must know above the text, and what they can do about it. The last notice takes the place of the one before. */
export class RoomNotices {
  readonly #session: Session
  readonly #banner = new Banner()
  readonly element = this.#banner.element
  /** Which trouble the banner tells of, so that only its end hides it. */
  #problemCode = 0
  /** Whether the person knows that this browser keeps nothing. */
  #isWarned = false

  constructor(session: Session) {
    this.#session = session
  }

  /** A sentence that may be put away. */
  tell(message: string, ...choices: Choice[]): void {
    this.#banner.show(message, [...choices, { label: texts().room.close, run: () => this.#banner.hide() }])
  }

  tellRestored(keptAt: number): void {
    this.tell(texts().room.restored(timeText(keptAt)))
  }

  onSaved({ problem, state, keeping }: SaveStatus): void {
    const isAtRisk = state === 'device' && keeping === 'failed' && this.#session.provider.status.state === 'backoff'
    if (isAtRisk && !this.#isWarned) {
      this.#isWarned = true
      this.tell(texts().room.keepsNothing, this.#keepCopy)
    } else if (problem) {
      this.#problemCode = problem.code
      this.#banner.show(problemText(problem), [this.#keepCopy])
    } else if (this.#problemCode !== 0) {
      this.#problemCode = 0
      this.#banner.hide()
    }
  }

  /** The server wants this member here no more; the text can still be read and kept. */
  stopped(code: number, message: string, joinAgain: () => void): void {
    this.#banner.show(refusalText(code, message), [this.#keepCopy, { label: texts().room.joinAgain, run: joinAgain, isPrimary: true }])
  }

  /** The room is another one by now. Merging this text into it would double what both have. */
  oldText(discard: () => void): void {
    const { room } = texts()
    this.#banner.show(room.oldText, [this.#keepCopy, { label: room.discard, run: discard, isPrimary: true }])
  }

  /** Somebody leaves, and not all is saved. */
  askBeforeLeaving(provider: CollabProvider, leave: () => void): void {
    const { room } = texts()
    const isKept = provider.saveStatus.keeping === 'kept'
    const leaveAndKeep = (): void => {
      provider.signOut()
      leave()
    }
    const leaveWithout = (): void => {
      provider.discard()
      leave()
    }
    this.#banner.show(isKept ? `${room.notSaved} ${room.keptUntil}` : room.notSaved, [
      { label: room.stay, run: () => this.#banner.hide() },
      this.#keepCopy,
      { label: room.leaveWithout, run: leaveWithout },
      ...(isKept ? [{ label: room.leaveAndKeep, run: leaveAndKeep, isPrimary: true }] : []),
    ])
  }

  get #keepCopy(): Choice {
    return { label: texts().room.copy, run: () => download(this.#session.content, `${this.#session.room}.txt`) }
  }
}
