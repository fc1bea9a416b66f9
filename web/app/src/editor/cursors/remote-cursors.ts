import { type Extension, type Range, StateEffect } from '@codemirror/state'
import { Decoration, type DecorationSet, type EditorView, type PluginValue, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { CaretWidget } from './caret-widget'
import { caretTheme } from './caret-theme'
import { keepFlagsInSight } from './flags-in-sight'
import { type Peer, mapped, peerOf } from './peer'

interface Changes {
  added: number[]
  updated: number[]
  removed: number[]
}

/** Somebody's cursor moved. */
const moved = StateEffect.define()

/** One's own position is told at most this often: it costs a walk through the text. */
const TELL_MS = 50

/** Shows where the others are, and tells them where this editor is. Only what is in view is drawn. */
class RemoteCursors implements PluginValue {
  decorations: DecorationSet = Decoration.none
  readonly #peers = new Map<number, Peer>()
  /** Whose position names words that have not come yet. */
  readonly #early = new Set<number>()
  #moves = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly view: EditorView,
    readonly text: Y.Text,
    readonly awareness: Awareness,
  ) {
    for (const client of awareness.getStates().keys()) this.#read(client)
    this.decorations = this.#draw()
    awareness.on('change', this.#onChange)
  }

  update(update: ViewUpdate): void {
    if (update.docChanged) this.#follow(update)
    const isMoved = update.transactions.some((transaction) => transaction.effects.some((effect) => effect.is(moved)))
    if (update.docChanged || update.viewportChanged || isMoved) this.decorations = this.#draw()
    if (this.#peers.size > 0 && (update.docChanged || update.geometryChanged || isMoved)) keepFlagsInSight(this.view)
    if (update.docChanged || update.selectionSet || update.focusChanged) this.#timer ??= setTimeout(() => this.#tell(), TELL_MS)
  }

  destroy(): void {
    clearTimeout(this.#timer)
    this.awareness.off('change', this.#onChange)
  }

  readonly #onChange = ({ added, updated, removed }: Changes): void => {
    const others = [...added, ...updated, ...removed].filter((client) => client !== this.awareness.clientID)
    if (others.length === 0) return
    for (const client of others) this.#read(client)
    this.view.dispatch({ effects: moved.of(null) })
  }

  #read(client: number): void {
    if (client === this.awareness.clientID) return
    const state = this.awareness.getStates().get(client)
    const peer = state ? peerOf(state, this.text, ++this.#moves) : null
    this.#early.delete(client)
    if (peer) this.#peers.set(client, peer)
    else this.#peers.delete(client)
    if (state?.['cursor'] && !peer) this.#early.add(client)
  }

  #follow(update: ViewUpdate): void {
    for (const [client, peer] of this.#peers) this.#peers.set(client, mapped(peer, update.changes))
    for (const client of [...this.#early]) this.#read(client)
  }

  #draw(): DecorationSet {
    const ranges = [...this.#peers.values()].flatMap((peer) => this.#rangesOf(peer))
    return Decoration.set(ranges, true)
  }

  #rangesOf(peer: Peer): Range<Decoration>[] {
    const { from, to } = this.view.viewport
    const { length } = this.view.state.doc
    const head = Math.min(peer.head, length)
    const start = Math.max(from, Math.min(peer.anchor, head))
    const end = Math.min(to, Math.max(Math.min(peer.anchor, length), head))
    const ranges: Range<Decoration>[] = []
    if (start < end) {
      const attributes = { style: `background-color: ${peer.colorLight}` }
      ranges.push(Decoration.mark({ class: 'cm-ySelection', attributes }).range(start, end))
    }
    // One's own caret stands outside of the others' selections.
    const side = head > peer.anchor ? -1 : 1
    if (head >= from && head <= to) ranges.push(Decoration.widget({ side, widget: new CaretWidget(peer) }).range(head))
    return ranges
  }

  /** Tells the others where the selection is. A page without the focus stays where it was. */
  #tell(): void {
    this.#timer = undefined
    if (!this.view.hasFocus) return
    const { anchor, head } = this.view.state.selection.main
    const at = (index: number): Y.RelativePosition => Y.createRelativePositionFromTypeIndex(this.text, index)
    this.awareness.setLocalStateField('cursor', { anchor: at(anchor), head: at(head) })
  }
}

export function remoteCursors(text: Y.Text, awareness: Awareness): Extension {
  const plugin = ViewPlugin.define((view) => new RemoteCursors(view, text, awareness), { decorations: (value) => value.decorations })
  return [plugin, caretTheme]
}
