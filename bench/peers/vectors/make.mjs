// Messages as the packages themselves write them, for the tests of the load generator: `npm run make` writes them anew.
// What providers send is caught from stock providers at a socket that only listens; what servers send is made by the
// classes that the servers use.
import { writeFileSync } from 'node:fs'
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { OutgoingMessage } from '@hocuspocus/server'
import * as encoding from 'lib0/encoding'
import { writePermissionDenied } from 'y-protocols/auth'
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as sync from 'y-protocols/sync'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const NAME = 'room-é'
const CLIENT = 4503599627370495 // 52 bits: the largest that the load generator draws

const hex = bytes => Buffer.from(bytes).toString('hex')

const doc = () => {
  const doc = new Y.Doc()
  doc.clientID = CLIENT
  doc.getText('text').insert(0, 'hé😀')
  return doc
}

const message = (...writers) => {
  const encoder = encoding.createEncoder()
  writers.forEach(write => write(encoder))
  return hex(encoding.toUint8Array(encoder))
}
const number = value => encoder => encoding.writeVarUint(encoder, value)

/** A socket that opens at once, says nothing, and keeps what it is given. */
const listeningSocket = heard => class {
  static OPEN = 1
  readyState = 0
  listeners = {}
  constructor() {
    queueMicrotask(() => {
      this.readyState = 1
      this.onopen?.({})
      this.listeners.open?.forEach(listener => listener({}))
    })
  }
  addEventListener(name, listener) { (this.listeners[name] ??= []).push(listener) }
  removeEventListener() {}
  send(bytes) { heard(bytes) }
  close() {}
}

/** What a provider says until it has said so many messages. */
const said = (count, start) => new Promise(resolve => {
  const messages = []
  start(listeningSocket(bytes => {
    messages.push(hex(bytes))
    if (messages.length === count) resolve(messages)
  }))
})

const yWebsocket = await said(2, WebSocketPolyfill => {
  const provider = new WebsocketProvider('ws://nowhere', NAME, doc(), { WebSocketPolyfill, disableBc: true })
  provider.awareness.setLocalState({ user: { name: 'Ada' } })
})

const hocuspocus = await said(3, WebSocketPolyfill => {
  const websocketProvider = new HocuspocusProviderWebsocket({ url: 'ws://nowhere', WebSocketPolyfill })
  const provider = new HocuspocusProvider({ websocketProvider, name: NAME, token: 'tökén', document: doc() })
  provider.setAwarenessField('user', { name: 'Ada' })
  provider.attach()
})

const awareness = new Awareness(doc())
awareness.setLocalState({ user: { name: 'Ada' } })
const update = Y.encodeStateAsUpdate(doc())
const outgoing = () => new OutgoingMessage(NAME)

const vectors = {
  room: NAME,
  client: CLIENT,
  token: 'tökén',
  stateVector: hex(Y.encodeStateVector(doc())),
  update: hex(update),
  yProtocols: {
    step1: message(number(0), encoder => sync.writeSyncStep1(encoder, doc())),
    step2: message(number(0), encoder => sync.writeSyncStep2(encoder, doc())),
    update: message(number(0), encoder => sync.writeUpdate(encoder, update)),
    awareness: message(number(1), encoder => encoding.writeVarUint8Array(encoder, encodeAwarenessUpdate(awareness, [CLIENT]))),
    denied: message(number(2), encoder => writePermissionDenied(encoder, 'no'))
  },
  yWebsocketProvider: yWebsocket,
  hocuspocusProvider: hocuspocus,
  hocuspocusServer: {
    authenticated: hex(outgoing().writeAuthenticated(false).toUint8Array()),
    denied: hex(outgoing().writePermissionDenied('no').toUint8Array()),
    step1: hex(outgoing().createSyncMessage().writeFirstSyncStepFor(doc()).toUint8Array()),
    replyStep1: hex(outgoing().createSyncReplyMessage().writeFirstSyncStepFor(doc()).toUint8Array()),
    update: hex(outgoing().createSyncMessage().writeUpdate(update).toUint8Array()),
    status: hex(outgoing().writeSyncStatus(true).toUint8Array())
  }
}
writeFileSync(new URL('messages.json', import.meta.url), JSON.stringify(vectors, null, 2) + '\n')
// The providers would go on for ever.
process.exit(0)
