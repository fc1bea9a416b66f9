// Hocuspocus as its documentation has it for production: the SQLite extension, everything else by default (debounced
// storing, no authentication hook).
import { join } from 'node:path'
import { SQLite } from '@hocuspocus/extension-sqlite'
import { Server } from '@hocuspocus/server'

const server = new Server({
  address: '127.0.0.1',
  port: Number(process.env.PORT),
  quiet: true,
  extensions: [new SQLite({ database: join(process.env.DATA, 'db.sqlite') })]
})
await server.listen()
console.log('ready')
