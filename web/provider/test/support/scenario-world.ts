import * as dec from 'lib0/decoding'
import * as Y from 'yjs'
import { Code, CollabProvider, type Policy } from '../../src'
import type { Session, SessionHandlers, Transport } from '../../src/transport/transport'
import { decodeClient, decodeDatagram } from '../../src/wire/decode'
import { encodeDatagram } from '../../src/wire/encode'
import type { ClientFrame, ServerFrame } from '../../src/wire/frames'
import { framed } from './encode-server'
import { FakeClock, settle } from './fake-clock'
import { POLICY } from './fake-server'
import type { Action, Expect, PolicyChange } from './scenario'

const GENERATION = 5

function policy(change: PolicyChange): Policy {
  const { edits_per_minute: editsPerMinute, throttle_ms: throttleMs, burst, tokens } = change
  return {
    ...POLICY,
    editsPerMinute: editsPerMinute ?? POLICY.editsPerMinute,
    throttleMs: throttleMs ?? POLICY.throttleMs,
    burst: burst ?? POLICY.burst,
    tokens: tokens ?? POLICY.tokens,
  }
}

/** A provider, and a network and a server that do what a scenario says and note what they are asked. */
export class ScenarioWorld implements Transport {
  readonly clock = new FakeClock()
  readonly #doc = new Y.Doc()
  readonly #provider: CollabProvider
  #server = new Y.Doc()
  #servers = 1
  #handlers: SessionHandlers | null = null
  #stand = (): void => undefined
  #fail = (): void => undefined
  #edits = new Map<number, Uint8Array>()
  #asked = new Uint8Array()
  #joined = new Uint8Array()
  #answersPings = true
  #pings = 0
  #sent: unknown[] = []

  constructor() {
    this.#doc.clientID = 1
    this.#server.clientID = 1_000
    const { clock } = this
    const options = { password: 'secret', name: 'Ada', transport: this, clock, random: () => 0.5, connect: false }
    this.#provider = new CollabProvider('http://localhost/', 'demo', this.#doc, options)
  }

  open(handlers: SessionHandlers): Promise<Session> {
    this.#sent.push('Connect')
    return new Promise((resolve, reject) => {
      this.#fail = () => reject(new Error('cut'))
      this.#stand = () => {
        this.#handlers = handlers
        resolve(this.#session(handlers))
      }
    })
  }

  #session(handlers: SessionHandlers): Session {
    const isMine = (): boolean => this.#handlers === handlers
    return {
      route: { type: 'webtransport' },
      send: (bytes) => isMine() && this.#frame(decodeClient(dec.readVarUint8Array(dec.createDecoder(bytes)))),
      sendDatagram: (bytes) => isMine() && this.#datagram(bytes),
      close: () => {
        if (isMine()) this.#sent.push('Disconnect')
        this.#handlers = null
      },
    }
  }

  /** Lets something happen, and all that follows from it at once. */
  async play(action: Action): Promise<void> {
    if (typeof action === 'string') await this.#happen(action)
    else if ('wait' in action) await this.clock.advance(action.wait)
    else this.#receive(action)
    await this.clock.advance(0)
  }

  async #happen(what: Extract<Action, string>): Promise<void> {
    switch (what) {
      case 'connect':
        { this.#provider.connect(); return; }
      case 'open':
        this.#stand()
        return settle()
      case 'cut':
        { this.#cut(); return; }
      case 'retry':
        return this.clock.advance(this.#backoff() ?? 0)
      case 'resync':
        { this.#send({
          type: 'Resync',
          update: Y.encodeStateAsUpdate(this.#server, this.#asked),
          stateVector: Y.encodeStateVector(this.#server),
        }); return; }
      case 'forget':
        this.#server = new Y.Doc()
        this.#server.clientID = 1_000 * ++this.#servers
        return
      case 'fall_silent':
        this.#answersPings = false
    }
  }

  #receive(action: Exclude<Action, string>): void {
    if ('welcome' in action) return this.#welcome(policy(action.welcome))
    if ('policy' in action) return this.#send({ type: 'PolicyChanged', policy: policy(action.policy) })
    if ('type' in action) return this.#text.insert(this.#text.length, action.type)
    if ('save' in action) return this.#save(action.save)
    if ('others_write' in action) return this.#othersWrite(action.others_write)
    if ('reject' in action) {
      const { id, code, retry_after_ms } = action.reject
      this.#send({ type: 'Rejected', id, code: Code[code], message: 'No.', retryAfterMs: retry_after_ms })
    } else if ('refuse' in action) {
      const { code, retry_after_ms } = action.refuse
      this.#send({ type: 'Refused', code: Code[code], message: 'No.', retryAfterMs: retry_after_ms })
    } else if ('go_away' in action) {
      const { reconnect_after_ms, reason } = action.go_away
      this.#send({ type: 'GoAway', reconnectAfterMs: reconnect_after_ms, reason: Code[reason] })
    } else {
      throw new Error(`nobody knows how to ${JSON.stringify(action)}`)
    }
  }

  #cut(): void {
    const handlers = this.#handlers
    this.#handlers = null
    if (handlers) handlers.onClosed('cut')
    else this.#fail()
  }

  #send(frame: ServerFrame): void {
    this.#handlers?.onBytes(framed(frame))
  }

  #welcome(policy: Policy): void {
    this.#send({
      type: 'Welcome',
      member: 1,
      name: 'Ada',
      role: 'editor',
      resumeToken: 'resume-me',
      policy,
      generation: GENERATION,
      slot: 3,
      stateVector: Y.encodeStateVector(this.#server),
      missing: Y.encodeStateAsUpdate(this.#server, this.#joined),
      count: 1,
      members: [{ id: 1, name: 'Ada', role: 'editor' }],
    })
  }

  #save(id: number): void {
    Y.applyUpdate(this.#server, this.#edits.get(id) ?? new Uint8Array())
    this.#send({ type: 'Saved', id, durability: 'disk' })
  }

  #othersWrite(text: string): void {
    const before = Y.encodeStateVector(this.#server)
    const shared = this.#server.getText('text')
    shared.insert(shared.length, text)
    this.#send({ type: 'Edited', member: 2, update: Y.encodeStateAsUpdate(this.#server, before) })
  }

  #frame(frame: ClientFrame): void {
    switch (frame.type) {
      case 'Join':
        this.#joined = frame.stateVector.slice()
        this.#sent.push({ Join: { credential: frame.credential.type, generation: frame.generation } })
        return
      case 'Edit':
        this.#edits.set(frame.id, frame.update)
        this.#sent.push({ Edit: { id: frame.id, makes: this.#makes(frame.update) } })
        return
      case 'SyncRequest':
        this.#asked = frame.stateVector.slice()
        this.#sent.push('SyncRequest')
        return
      case 'SetName':
        this.#sent.push({ SetName: frame.name })
    }
  }

  #datagram(bytes: Uint8Array): void {
    const datagram = decodeDatagram(bytes)
    if (datagram.type !== 'Ping') return
    this.#pings++
    if (this.#answersPings) this.#handlers?.onDatagram(encodeDatagram({ ...datagram, type: 'Pong' }))
  }

  /** The server's text if it took this; null where it lacks what this builds on. */
  #makes(update: Uint8Array): string | null {
    const copy = new Y.Doc()
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(this.#server))
    Y.applyUpdate(copy, update)
    return copy.store.pendingStructs ? null : copy.getText('text').toJSON()
  }

  #backoff(): number | null {
    const { status } = this.#provider
    return status.state === 'backoff' ? status.retryAt - this.clock.now() : null
  }

  get #text(): Y.Text {
    return this.#doc.getText('text')
  }

  /** What can be seen now, of that which a scenario names; `sent` and `pings` since the last look. */
  look(expected: Expect): Expect {
    const { state, nextEditAt } = this.#provider.saveStatus
    const wait = this.#backoff()
    const [least, most] = expected.backoff ?? [0, 0]
    const seen: Required<Expect> = {
      sent: this.#sent.splice(0),
      pings: this.#pings,
      state: this.#provider.status.state,
      save: state,
      text: this.#text.toJSON(),
      server: this.#server.getText('text').toJSON(),
      backoff: wait !== null && least <= wait && wait <= most ? [least, most] : [wait ?? NaN, wait ?? NaN],
      next_edit: nextEditAt === null ? null : Math.max(0, nextEditAt - this.clock.now()),
    }
    this.#pings = 0
    return Object.fromEntries(Object.keys(expected).map((key) => [key, seen[key as keyof Expect]]))
  }
}
