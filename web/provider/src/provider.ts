import { ObservableV2 } from 'lib0/observable'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { type Clock, systemClock } from './core/clock'
import { Heartbeat } from './core/heartbeat'
import { Link } from './core/link'
import { PresenceBridge } from './core/presence-bridge'
import { Roster } from './core/roster'
import type { SaveStatus } from './core/save-status'
import { Saver } from './core/saver'
import type { Status } from './core/status'
import { Keeper } from './keep/keeper'
import type { UnsentWork } from './keep/persistence'
import type { ProviderEvents, ProviderOptions, Self } from './provider-types'
import { WebTransportTransport } from './transport/web-transport'
import { Code } from './wire/code'
import type { Datagram } from './wire/datagrams'
import type { Credential, Join, Role, ServerFrame, Welcome } from './wire/frames'
import { PROTOCOL } from './wire/limits'

/** The root text that every room has. */
export const TEXT_NAME = 'text'

/** Keeps a Yjs document and a room of a collab server equal, and tells how that goes. */
export class CollabProvider extends ObservableV2<ProviderEvents> {
  readonly awareness: Awareness
  /** When the unsent work of an earlier visit was kept that is in the document now, in ms since 1970; null without such. */
  restoredFrom: number | null = null
  readonly #clock: Clock
  readonly #link: Link
  readonly #saver: Saver
  readonly #keeper: Keeper
  readonly #roster = new Roster()
  readonly #presence: PresenceBridge
  #heartbeat: Heartbeat
  #name: string
  #generation: number | null = null
  #slot = 0
  #role: Role = 'viewer'
  #self: Self | null = null
  #synced = false
  /** Whether what earlier visits left is in the document; nothing is sent or received before. */
  #isRestored: boolean
  #wantsLink = false
  #cancelTimer = (): void => undefined

  /** @param url any address of the server's pages, such as `location.href` */
  constructor(
    url: string | URL,
    readonly room: string,
    readonly doc: Y.Doc,
    options: ProviderOptions,
  ) {
    super()
    const { clock = systemClock, random = Math.random, credential } = options
    const transport = options.transport ?? new WebTransportTransport(new URL(url))
    this.#clock = clock
    this.#name = options.name
    this.awareness = new Awareness(doc)
    this.#presence = new PresenceBridge(this.awareness, TEXT_NAME, clock.epochMs(), this)
    this.#heartbeat = new Heartbeat(clock.now())
    this.#saver = new Saver(doc, random)
    this.#link = new Link(this.#linkOwner(), { transport, clock, random, credential })
    this.#keeper = new Keeper(() => this.#unsent(), () => this.#tellSaved(), clock, options.persistence)
    this.#isRestored = !options.persistence
    doc.on('update', this.#onUpdate)
    this.awareness.on('update', this.#onAwareness)
    if (options.connect ?? true) this.connect()
  }

  get status(): Status {
    return this.#link.status
  }

  get synced(): boolean {
    return this.#synced
  }

  /** Who we are here; null before the first join. */
  get self(): Self | null {
    return this.#self
  }

  get role(): Role {
    return this.#role
  }

  get saveStatus(): SaveStatus {
    return { ...this.#saver.status(this.#clock.now()), keeping: this.#keeper.keeping }
  }

  /** Connects now, instead of waiting for the next try. */
  connect(): void {
    const isFirst = !this.#wantsLink
    this.#wantsLink = true
    if (this.#isRestored) this.#link.connect()
    else if (isFirst) void this.#restore()
  }

  /** Leaves the room, after a moment for the last changes to be saved. Editing may go on. */
  disconnect(): void {
    this.#wantsLink = false
    this.#link.disconnect(!this.#saver.isEmpty)
  }

  setName(name: string): void {
    this.#name = name
    if (this.#link.isLive) this.#link.send({ type: 'SetName', name })
  }

  /** Gives up what is not saved, here and where it was kept. */
  discard(): void {
    this.#saver.clear()
    this.#tellUnsaved()
  }

  /** Keeps what is not saved without the token that joins as the same member: the next visit needs the password. */
  signOut(): void {
    if (this.#self) this.#self = { ...this.#self, resumeToken: '' }
    this.#keeper.touch()
  }

  override destroy(): void {
    this.doc.off('update', this.#onUpdate)
    this.#wantsLink = false
    this.#link.disconnect()
    void this.#keeper.close()
    this.awareness.off('update', this.#onAwareness)
    this.awareness.destroy()
    super.destroy()
  }

  readonly #onUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return
    this.#saver.add(update, this.#clock.now())
    this.#advance()
    this.#tellUnsaved()
  }

  readonly #onAwareness = (_: unknown, origin: unknown): void => {
    if (origin === this) return
    this.#presence.touch()
    this.#advance()
  }

  #linkOwner() {
    return {
      join: (credential: Credential) => this.#join(credential),
      onStatus: (status: Status) => this.#onStatus(status),
      onWelcome: (welcome: Welcome) => this.#onWelcome(welcome),
      onFrame: (frame: ServerFrame) => this.#onFrame(frame),
      onDatagram: (datagram: Datagram) => this.#onDatagram(datagram),
    }
  }

  #unsent(): UnsentWork | null {
    if (this.#saver.isEmpty || this.#generation === null) return null
    return {
      generation: this.#generation,
      state: Y.encodeStateAsUpdate(this.doc),
      changes: this.#saver.unsaved,
      resumeToken: this.#self?.resumeToken ?? '',
      keptAt: this.#clock.epochMs(),
    }
  }

  /** Takes over what earlier visits left, then connects. */
  async #restore(): Promise<void> {
    const works = await this.#keeper.take()
    this.#isRestored = true
    for (const work of works) this.#takeOver(work)
    if (works.length > 0) this.#keeper.touch()
    if (this.#wantsLink) this.#link.connect()
  }

  #takeOver({ generation, state, changes, resumeToken, keptAt }: UnsentWork): void {
    try {
      Y.applyUpdate(this.doc, state, this)
    } catch {
      // What cannot be read must not keep anybody out of the room.
      return
    }
    this.#saver.restore(changes)
    this.#generation = generation
    this.restoredFrom ??= keptAt
    if (resumeToken) this.#link.resumeWith(resumeToken)
  }

  #join(credential: Credential): Join {
    return {
      type: 'Join',
      protocol: PROTOCOL,
      room: this.room,
      credential,
      name: this.#name,
      clientId: this.doc.clientID,
      generation: this.#generation,
      stateVector: Y.encodeStateVector(this.doc),
    }
  }

  #onStatus(status: Status): void {
    if (!this.#link.isLive) this.#detach()
    this.emit('status', [status])
    if (status.state !== 'refused') return
    if (status.code === Code.GenerationChanged) this.emit('generation', [])
    else this.emit('refused', [status.code, status.message])
  }

  #detach(): void {
    this.#cancelTimer()
    this.#saver.detach()
    this.#presence.clear()
    this.#roster.clear()
    if (!this.#synced) return
    this.#synced = false
    this.emit('synced', [false])
    this.#tellSaved()
    this.#tellMembers()
  }

  #onWelcome(welcome: Welcome): void {
    if (this.#generation !== null && this.#generation !== welcome.generation) {
      return this.#link.refuse(Code.GenerationChanged, 'This room was restored or made anew.')
    }
    const now = this.#clock.now()
    if (!this.#apply(welcome.missing)) return
    this.#generation = welcome.generation
    this.#slot = welcome.slot
    this.#name = welcome.name
    this.#heartbeat = new Heartbeat(now)
    this.#saver.attach(welcome, now)
    this.#roster.welcome(welcome)
    this.#presence.touch()
    this.#synced = true
    this.#self = { member: welcome.member, name: welcome.name, resumeToken: welcome.resumeToken }
    this.#keeper.touch()
    this.emit('self', [this.#self])
    this.#tellRole(welcome.role)
    this.#tellMembers()
    this.emit('synced', [true])
    this.#advance()
    this.#tellSaved()
  }

  #onFrame(frame: ServerFrame): void {
    this.#heartbeat.heard()
    const now = this.#clock.now()
    switch (frame.type) {
      case 'Edited':
        this.#apply(frame.update)
        break
      case 'Saved':
        this.#saver.saved(frame.id, frame.durability)
        break
      case 'Rejected':
        this.#saver.rejected(frame, now)
        break
      case 'Resync':
        if (this.#apply(frame.update)) this.#saver.resynced(frame.stateVector, frame.update)
        break
      case 'Members':
        this.#roster.apply(frame)
        this.#presence.refresh((member) => this.#roster.get(member))
        if (frame.joined.length > 0) this.#presence.touch()
        this.#tellMembers()
        break
      case 'RoleChanged':
        this.#tellRole(frame.role)
        break
      default:
        // The link keeps the frames that begin and end a membership to itself.
        break
    }
    this.#advance()
    if (frame.type === 'Saved' || frame.type === 'Rejected' || frame.type === 'Resync') this.#tellUnsaved()
    if (this.status.state === 'draining' && this.#saver.isEmpty) this.#link.disconnect()
  }

  #onDatagram(datagram: Datagram): void {
    this.#heartbeat.heard()
    const now = this.#clock.now()
    if (datagram.type === 'Pong') {
      this.#heartbeat.pong(datagram.seq, now)
      this.emit('latency', [this.#heartbeat.report(now)])
    } else if (datagram.type === 'Presence' && datagram.slot === this.#slot) {
      this.#presence.receive(datagram, this.#roster.get(datagram.member))
    }
  }

  /** Puts a server's update into the document; ends the connection if that is not one. */
  #apply(update: Uint8Array): boolean {
    try {
      Y.applyUpdate(this.doc, update, this)
      return true
    } catch {
      this.#link.fail('The server sent a change that cannot be read.')
      return false
    }
  }

  /** Does what is due, and comes back when the next thing is. */
  #advance(): void {
    this.#cancelTimer()
    if (!this.#link.isLive) return
    const now = this.#clock.now()
    if (this.#heartbeat.isDead(now)) return this.#link.fail('The server fell silent.')
    this.#sendDue(now)
    const saverAt = this.#mayEdit ? this.#saver.nextAt(now) : Infinity
    const next = Math.min(saverAt, this.#heartbeat.nextAt, this.#presence.nextAt)
    this.#cancelTimer = this.#clock.schedule(Math.max(0, next - now), () => {
      this.#advance()
      if (next === saverAt) this.#tellSaved()
    })
  }

  #sendDue(now: number): void {
    const frame = this.#mayEdit ? this.#saver.poll(now) : null
    if (frame) this.#link.send(frame)
    const ping = this.#heartbeat.poll(now)
    if (ping) this.#link.sendDatagram({ type: 'Ping', ...ping })
    const presence = this.#presence.poll(now)
    // The server knows who we are; it puts the member in.
    if (presence) this.#link.sendDatagram({ type: 'Presence', slot: this.#slot, member: 0, ...presence })
  }

  get #mayEdit(): boolean {
    return this.#role !== 'viewer'
  }

  #tellRole(role: Role): void {
    this.#role = role
    this.emit('role', [role])
  }

  #tellMembers(): void {
    this.emit('members', [this.#roster.count, this.#roster.list()])
  }

  /** What is not saved has changed. */
  #tellUnsaved(): void {
    this.#keeper.touch()
    this.#tellSaved()
  }

  #tellSaved(): void {
    this.emit('saved', [this.saveStatus])
  }
}
