// y-websocket's server as its README has it for production: its own connection handler on the `ws` library, and LevelDB
// behind the documented hook `setPersistence`. (The README names the variable YPERSISTENCE too; version 0.1.5 ignores it.)
import http from 'node:http'
import WebSocket from 'ws'
import { LeveldbPersistence } from 'y-leveldb'
import * as Y from 'yjs'
import { setPersistence, setupWSConnection } from '@y/websocket-server/utils'

const storage = new LeveldbPersistence(process.env.DATA)
setPersistence({
  provider: storage,
  bindState: async (name, doc) => {
    const stored = await storage.getYDoc(name)
    storage.storeUpdate(name, Y.encodeStateAsUpdate(doc))
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(stored))
    doc.on('update', update => storage.storeUpdate(name, update))
  },
  writeState: async () => {}
})

const server = http.createServer((_request, response) => response.end('okay'))
const sockets = new WebSocket.Server({ noServer: true })
sockets.on('connection', setupWSConnection)
server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, ws => sockets.emit('connection', ws, request))
})
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('ready'))
