import { ObservableV2 } from 'lib0/observable'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { credentialOf } from './access.ts'
import { type Clock, systemClock } from './core/clock.ts'
import { Link } from './core/link.ts'
import { PresenceBridge } from './core/presence-bridge.ts'
import { Roster } from './core/roster.ts'
import type { Route } from './core/route.ts'
import type { SaveStatus } from './core/save-status.ts'
import { Saver } from './core/saver.ts'
import { Sender } from './core/sender.ts'
import type { Status } from './core/status.ts'
import { Journal } from './keep/journal.ts'
import { Keeper } from './keep/keeper.ts'
import type { UnsentWork } from './keep/persistence.ts'
import type { ProviderEvents, ProviderOptions, Self } from './provider-types.ts'
import { browserTransport } from './transport/browser-transport.ts'
import { Code } from './wire/code.ts'
import type { Datagram } from './wire/datagrams.ts'
import type { Credential, Join, Policy, Role, ServerFrame, Welcome } from './wire/frames.ts'
import { PROTOCOL } from './wire/limits.ts'

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
  readonly #journal: Journal
  readonly #keeper: Keeper
  readonly #roster = new Roster()
  readonly #presence: PresenceBridge
  readonly #sender: Sender
  #name: string
  #generation: number | null = null
  #role: Role = 'viewer'
  #self: Self | null = null
  #route: Route | null = null
  #synced = false
  /** Whether what earlier visits left is in the document; nothing is sent or received before. */
  #isRestored: boolean
  #wantsLink = false

  /** @param url any address of the server's pages, such as `location.href` */
  constructor(
    url: string | URL,
    readonly room: string,
    readonly doc: Y.Doc,
    options: ProviderOptions,
  ) {
    super()
    const { clock = systemClock, random = Math.random } = options
    const transport = options.transport ?? browserTransport(new URL(url), clock)
    this.#clock = clock
    this.#name = options.name
    this.awareness = new Awareness(doc)
    this.#presence = new PresenceBridge(this.awareness, TEXT_NAME, clock.epochMs(), this)
    this.#saver = new Saver(doc)
    this.#link = new Link(this.#linkOwner(), { transport, clock, random, credential: credentialOf(options) })
    this.#sender = new Sender({
      link: this.#link,
      saver: this.#saver,
      presence: this.#presence,
      clock,
      mayEdit: () => this.#role !== 'viewer',
      onEdit: () => this.#tellSaved(),
    })
    this.#journal = new Journal(doc)
    const unsent = { isEmpty: () => this.#hasNothingUnsent, work: () => this.#unsent(), rest: () => this.#journal.forget() }
    this.#keeper = new Keeper(unsent, () => this.#tellSaved(), clock, options.persistence)
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

  /** The limits that the server named last; null before the first join. */
  get policy(): Policy | null {
    return this.#saver.policy
  }

  /** Which way the bytes go, or went last; null before the first connection. */
  get route(): Route | null {
    return this.#route
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
    this.#journal.add(update)
    if (origin === this) return
    this.#saver.add(update)
    this.#sender.advance()
    this.#tellUnsaved()
  }

  readonly #onAwareness = (_: unknown, origin: unknown): void => {
    if (origin === this) return
    this.#presence.touch()
    this.#sender.advance()
  }

  #linkOwner() {
    return {
      join: (credential: Credential) => this.#join(credential),
      onStatus: (status: Status) => this.#onStatus(status),
      onRoute: (route: Route) => this.#onRoute(route),
      onHeard: () => this.#sender.heard(),
      onWelcome: (welcome: Welcome) => this.#onWelcome(welcome),
      onFrame: (frame: ServerFrame) => this.#onFrame(frame),
      onDatagram: (datagram: Datagram) => this.#onDatagram(datagram),
    }
  }

  get #hasNothingUnsent(): boolean {
    return this.#saver.isEmpty || this.#generation === null
  }

  #unsent(): UnsentWork | null {
    if (this.#saver.isEmpty || this.#generation === null) return null
    return {
      generation: this.#generation,
      ...this.#journal.state,
      changes: this.#saver.unsaved,
      resumeToken: this.#self?.resumeToken ?? '',
      keptAt: this.#clock.epochMs(),
    }
  }

  /** Takes over what earlier visits left, then connects. */
  async #restore(): Promise<void> {
    const { works, damaged } = await this.#keeper.take()
    this.#isRestored = true
    for (const work of works) this.#takeOver(work)
    if (works.length > 0) this.#keeper.touch()
    if (damaged > 0) this.emit('damaged', [damaged])
    if (this.#wantsLink) this.#link.connect()
  }

  #takeOver({ generation, base, since, changes, resumeToken, keptAt }: UnsentWork): void {
    for (const update of [base, ...since]) Y.applyUpdate(this.doc, update, this)
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
    if (status.state === 'joining') this.#sender.start()
    else if (!this.#link.isLive) this.#detach()
    this.emit('status', [status])
    if (status.state !== 'refused') return
    if (status.code === Code.GenerationChanged) this.emit('generation', [])
    else this.emit('refused', [status.code, status.message])
  }

  #onRoute(route: Route): void {
    this.#route = route
    this.emit('transport', [route])
  }

  #detach(): void {
    this.#sender.stop()
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
    this.#name = welcome.name
    this.#sender.joined(welcome.slot)
    this.#saver.attach(welcome, now)
    this.emit('policy', [welcome.policy])
    this.#roster.welcome(welcome)
    this.#presence.touch()
    this.#synced = true
    this.#self = { member: welcome.member, name: welcome.name, resumeToken: welcome.resumeToken }
    this.#keeper.touch()
    this.emit('self', [this.#self])
    this.#tellRole(welcome.role)
    this.#tellMembers()
    this.emit('synced', [true])
    this.#sender.advance()
    this.#tellSaved()
  }

  #onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'Edited':
        this.#apply(frame.update)
        break
      case 'Saved':
        this.#saver.saved(frame.id, frame.durability)
        break
      case 'Rejected':
        this.#saver.rejected(frame, this.#clock.now())
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
      case 'PolicyChanged':
        this.#saver.adopt(frame.policy, this.#clock.now())
        this.emit('policy', [frame.policy])
        break
      default: // The link keeps the frames that begin and end a membership to itself.
        break
    }
    this.#sender.advance()
    if (['Saved', 'Rejected', 'Resync', 'PolicyChanged'].includes(frame.type)) this.#tellUnsaved()
    if (this.status.state === 'draining' && this.#saver.isEmpty) this.#link.disconnect()
  }

  #onDatagram(datagram: Datagram): void {
    if (datagram.type === 'Pong') {
      this.emit('latency', [this.#sender.pong(datagram.seq)])
    } else if (datagram.type === 'Presence' && datagram.slot === this.#sender.slot) {
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

  #tellRole(role: Role): void {
    this.#role = role
    if (role !== 'viewer') this.#saver.unblock()
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
