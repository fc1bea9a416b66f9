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
  /** Asks the question again that the banner asks now, for what it says has changed. */
  #askAgain: (() => void) | null = null
  /** Whether the person knows that this browser keeps nothing. */
  #isWarned = false

  constructor(session: Session) {
    this.#session = session
  }

  /** A sentence that may be put away. */
  tell(message: string, ...choices: Choice[]): void {
    this.#show(message, [...choices, { label: texts().room.close, run: () => this.#banner.hide() }])
  }

  /** What became of the unsent work of earlier visits, if there was any. */
  tellFound(): void {
    const { room } = texts()
    const { damaged, provider } = this.#session
    const restored = provider.restoredFrom === null ? [] : [room.restored(timeText(provider.restoredFrom))]
    const sentences = [...restored, ...(damaged > 0 ? [room.damaged(damaged)] : [])]
    if (sentences.length > 0) this.tell(sentences.join(' '))
  }

  onSaved({ problem, state, keeping }: SaveStatus): void {
    if (this.#askAgain) return this.#askAgain()
    const isAtRisk = state === 'device' && keeping === 'failed' && this.#session.provider.status.state === 'backoff'
    if (isAtRisk && !this.#isWarned) {
      this.#isWarned = true
      this.tell(texts().room.keepsNothing, this.#keepCopy)
    } else if (problem) {
      this.#problemCode = problem.code
      this.#show(problemText(problem), [this.#keepCopy])
    } else if (this.#problemCode !== 0) {
      this.#problemCode = 0
      this.#banner.hide()
    }
  }

  /** The server wants this member here no more; the text can still be read and kept. */
  stopped(code: number, message: string, joinAgain: () => void): void {
    this.#show(refusalText(code, message), [this.#keepCopy, { label: texts().room.joinAgain, run: joinAgain, isPrimary: true }])
  }

  /** The room is another one by now. Merging this text into it would double what both have. */
  oldText(discard: () => void): void {
    const { room } = texts()
    this.#show(room.oldText, [this.#keepCopy, { label: room.discard, run: discard, isPrimary: true }])
  }

  /** Somebody leaves. If not all is saved they are asked, for as long as that is so. */
  askBeforeLeaving(provider: CollabProvider, leave: () => void): void {
    let asked: boolean | null = null
    this.#askAgain = () => {
      const { state, keeping } = provider.saveStatus
      const isKept = keeping === 'kept'
      if (state === 'saved') this.#endQuestion()
      else if (isKept !== asked) this.#ask(provider, isKept, leave)
      asked = isKept
    }
    this.#askAgain()
  }

  #endQuestion(): void {
    this.#askAgain = null
    this.#banner.hide()
  }

  #show(message: string, choices: Choice[]): void {
    this.#askAgain = null
    this.#banner.show(message, choices)
  }

  #ask(provider: CollabProvider, isKept: boolean, leave: () => void): void {
    const { room } = texts()
    const leaveAndKeep = (): void => {
      provider.signOut()
      leave()
    }
    const leaveWithout = (): void => {
      provider.discard()
      leave()
    }
    this.#banner.show(isKept ? `${room.notSaved} ${room.keptUntil}` : room.notSaved, [
      { label: room.stay, run: () => this.#endQuestion() },
      this.#keepCopy,
      { label: room.leaveWithout, run: leaveWithout },
      ...(isKept ? [{ label: room.leaveAndKeep, run: leaveAndKeep, isPrimary: true }] : []),
    ])
  }

  get #keepCopy(): Choice {
    return { label: texts().room.copy, run: () => download(this.#session.content, `${this.#session.room}.txt`) }
  }
}
