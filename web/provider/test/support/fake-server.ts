import * as dec from 'lib0/decoding'
import * as Y from 'yjs'
import type { Route } from '../../src/core/route'
import type { Session, SessionHandlers, Transport } from '../../src/transport/transport'
import type { Datagram } from '../../src/wire/datagrams'
import { decodeClient, decodeDatagram } from '../../src/wire/decode'
import { encodeDatagram } from '../../src/wire/encode'
import type { ClientFrame, Policy, ServerFrame, Welcome } from '../../src/wire/frames'
import { framed } from './encode-server'

export const POLICY: Policy = {
  throttleMs: 500,
  editsPerMinute: 30,
  burst: 30,
  tokens: 30,
  maxUpdateBytes: 262_144,
  maxDocumentBytes: 4_194_304,
}

/** A server of one room and one member, in memory. It records what it gets; a test decides what it answers. */
export class FakeServer implements Transport {
  readonly doc = new Y.Doc()
  readonly received: ClientFrame[] = []
  readonly datagrams: Datagram[] = []
  /** How many sessions were opened. */
  sessions = 0
  isReachable = true
  route: Route = { type: 'webtransport' }
  answersPings = true
  /** Answers `Saved` by itself. */
  saves = true
  /** Answers a join; null to stay silent. */
  onJoin: (join: ClientFrame & { type: 'Join' }) => ServerFrame | null = (join) => this.welcome(join.stateVector)
  #handlers: SessionHandlers | null = null

  open(handlers: SessionHandlers): Promise<Session> {
    this.sessions++
    if (!this.isReachable) return Promise.reject(new Error('unreachable'))
    this.#handlers = handlers
    const mine = (): boolean => this.#handlers === handlers
    return Promise.resolve({
      route: this.route,
      send: (bytes) => mine() && this.#receive(decodeClient(dec.readVarUint8Array(dec.createDecoder(bytes)))),
      sendDatagram: (bytes) => mine() && this.#datagram(decodeDatagram(bytes)),
      close: () => mine() && (this.#handlers = null),
    })
  }

  get isOpen(): boolean {
    return this.#handlers !== null
  }

  get text(): string {
    return this.doc.getText('text').toJSON()
  }

  get edits(): (ClientFrame & { type: 'Edit' })[] {
    return this.received.filter((frame) => frame.type === 'Edit')
  }

  get joins(): (ClientFrame & { type: 'Join' })[] {
    return this.received.filter((frame) => frame.type === 'Join')
  }

  welcome(stateVector: Uint8Array, changes: Partial<Welcome> = {}): Welcome {
    return {
      type: 'Welcome',
      member: 1,
      name: 'Ada',
      role: 'editor',
      resumeToken: 'resume-me',
      policy: POLICY,
      generation: 7,
      slot: 3,
      stateVector: Y.encodeStateVector(this.doc),
      missing: Y.encodeStateAsUpdate(this.doc, stateVector),
      count: 1,
      members: [{ id: 1, name: 'Ada', role: 'editor' }],
      ...changes,
    }
  }

  send(frame: ServerFrame): void {
    this.#handlers?.onBytes(framed(frame))
  }

  sendDatagram(datagram: Datagram): void {
    this.#handlers?.onDatagram(encodeDatagram(datagram))
  }

  /** Somebody else writes at the front. */
  write(text: string): void {
    const before = Y.encodeStateVector(this.doc)
    this.doc.getText('text').insert(0, text)
    this.send({ type: 'Edited', member: 2, update: Y.encodeStateAsUpdate(this.doc, before) })
  }

  /** The transport found another way. */
  offerBetterRoute(): void {
    this.#handlers?.onBetterRoute()
  }

  /** The connection breaks. */
  cut(): void {
    const handlers = this.#handlers
    this.#handlers = null
    handlers?.onClosed('cut')
  }

  #receive(frame: ClientFrame): void {
    this.received.push(frame)
    if (frame.type === 'Join') {
      const answer = this.onJoin(frame)
      if (answer) this.send(answer)
    } else if (frame.type === 'Edit' && this.saves) {
      this.save(frame)
    } else if (frame.type === 'SyncRequest') {
      const stateVector = Y.encodeStateVector(this.doc)
      this.send({ type: 'Resync', update: Y.encodeStateAsUpdate(this.doc, frame.stateVector), stateVector })
    }
  }

  save(edit: ClientFrame & { type: 'Edit' }): void {
    Y.applyUpdate(this.doc, edit.update)
    this.send({ type: 'Saved', id: edit.id, durability: 'disk' })
  }

  #datagram(datagram: Datagram): void {
    this.datagrams.push(datagram)
    if (datagram.type === 'Ping' && this.answersPings) this.sendDatagram({ ...datagram, type: 'Pong' })
  }
}
