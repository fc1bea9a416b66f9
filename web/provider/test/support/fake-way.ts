import type { ServerInfo } from '../../src/transport/server-info'
import type { Pipe, PipeHandlers } from '../../src/transport/transport'
import type { Way } from '../../src/transport/way'

/** A way that a test opens and blocks. */
export class FakeWay implements Way {
  /** `open` lets everybody through, `blocked` answers nothing, `refused` fails at once. */
  state: 'open' | 'blocked' | 'refused' = 'open'
  attempts = 0
  /** Pipes that are open now. */
  openPipes = 0
  #waiting: (() => void)[] = []

  open(_: ServerInfo, __: PipeHandlers, signal: AbortSignal): Promise<Pipe> {
    this.attempts++
    if (this.state === 'refused') return Promise.reject(new Error('refused'))
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('given up')))
      const enter = (): void => {
        if (!signal.aborted) resolve(this.#pipe(signal))
      }
      if (this.state === 'open') enter()
      else this.#waiting.push(enter)
    })
  }

  /** Whoever waits gets through, and who comes after that. */
  unblock(): void {
    this.state = 'open'
    for (const enter of this.#waiting.splice(0)) enter()
  }

  #pipe(signal: AbortSignal): Pipe {
    this.openPipes++
    let isOpen = true
    const close = (): void => {
      if (isOpen) this.openPipes--
      isOpen = false
    }
    signal.addEventListener('abort', close)
    return { send: () => undefined, sendDatagram: () => undefined, close }
  }
}
