import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Line } from './support/line'
import { Server } from './support/server'
import { Terminal, cli } from './support/terminal'
import { until } from './support/until'

const password = 'correct horse'
const CONTROL_C = '\x03'
const CONTROL_L = '\x0c'
const CONTROL_Q = '\x11'
let server: Server

beforeAll(async () => {
  server = await Server.start()
})

afterAll(async () => {
  await server.stop()
})

function terminal(room: string): Terminal {
  const opened = new Terminal(server, password, room)
  onTestFinished(() => opened.kill())
  return opened
}

/** An editor in a room with the text `hello `, whose server has died; something more was typed since. */
async function cutOff(room: string, typed: string): Promise<Terminal> {
  await cli(server, password, ['room', 'create', room])
  await cli(server, password, ['write', room], 'hello ')
  const editor = terminal(room)
  await editor.shows('connected')
  await editor.shows('hello')
  await server.kill()
  editor.type(typed)
  await editor.shows('kept on this device')
  return editor
}

function filesIn(folder: string): string[] {
  const state = join(server.directory, '.local/state/collab')
  return readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes(folder))
    .map((entry) => join(entry.parentPath, entry.name))
}

test('an editor that crashes while cut off loses nothing: its work arrives with the next one, once', async () => {
  const room = 'crashed'
  const editor = await cutOff(room, 'typed away; ')
  // What is typed until a moment before the crash is kept as well.
  editor.type('and more; ')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  await editor.crash()
  await server.restart()
  const next = terminal(room)
  await next.shows('What you wrote today')
  await next.leave()
  expect(await cli(server, password, ['cat', room])).toBe('typed away; and more; hello ')
  expect(filesIn('unsent')).toEqual([])
  const later = terminal(room)
  await later.shows('connected')
  await later.leave()
  expect(await cli(server, password, ['cat', room])).toBe('typed away; and more; hello ')
})

test('leaving while cut off tells where the work is kept and that it is sent later', async () => {
  const room = 'left'
  const editor = await cutOff(room, 'for later; ')
  editor.type(CONTROL_Q)
  await editor.shows('Ctrl-Q again')
  editor.type(CONTROL_Q)
  const screen = await editor.ended()
  const [file] = filesIn('unsent').filter((name) => name.endsWith('.work'))
  expect(screen).toContain(`They are kept in ${String(file)} and are sent when you join left again.`)

  const early = terminal(room)
  await early.shows('waits here until the server is back')
  await early.shows('offline, trying again in')
  early.type('and more; ')
  await server.restart()
  await until(() => Promise.resolve(filesIn('unsent')), (files) => files.length === 0)
  await early.leave()
  expect(await cli(server, password, ['cat', room])).toMatch(/^(and more; for later; |for later; and more; )hello $/)
  expect(filesIn('unsent')).toEqual([])
})

test('with nothing to send, an editor waits for the server in sight of the user, who may end that', async () => {
  const room = 'waited'
  await cli(server, password, ['room', 'create', room])
  await cli(server, password, ['write', room], 'hello ')
  await server.kill()
  const gives = terminal(room)
  await gives.shows('Ctrl-C ends')
  gives.type(CONTROL_C)
  expect(await gives.ended()).toContain('trying again in')
  const waits = terminal(room)
  await waits.shows('Ctrl-C ends')
  await server.restart()
  await waits.shows('hello')
  // A terminal that does not tell where its cursor is, as this one, is drawn anew all the same.
  waits.type(CONTROL_L)
  waits.type('still here; ')
  await waits.leave()
  expect(await cli(server, password, ['cat', room])).toBe('still here; hello ')
})

test('a server restored from a backup: an open editor with unsaved work is offered a copy, and nothing is mixed', async () => {
  const room = 'restored'
  await cli(server, password, ['room', 'create', room])
  await cli(server, password, ['write', room], 'hello ')
  const backup = join(server.directory, 'everything.backup')
  await cli(server, password, ['backup', backup, '--admin-token-file', server.adminTokenFile])
  await cli(server, password, ['write', room], 'hello, later ')
  const editor = terminal(room)
  await editor.shows('connected')
  await editor.shows('later')
  await server.kill()
  editor.type('unsaved; ')
  await editor.shows('kept on this device')
  const before = filesIn('kept')
  await server.restore(backup)

  await editor.shows('The room is a new one')
  editor.type('k')
  await until(() => Promise.resolve(filesIn('kept')), (files) => files.length === before.length + 1)
  await editor.shows('connected')
  editor.type('afresh; ')
  await editor.leave()
  const [copy] = filesIn('kept').filter((file) => !before.includes(file))
  expect(readFileSync(String(copy), 'utf8')).toBe('unsaved; hello, later ')
  expect(filesIn('unsent')).toEqual([])
  expect(await cli(server, password, ['cat', room])).toMatch(/^(afresh; hello |hello afresh; )$/)
})

test('a room made anew meanwhile: the terminal asks, keeps a copy, and the new text stays as it is', async () => {
  const room = 'anew'
  const editor = await cutOff(room, 'unsaved; ')
  await editor.crash()
  await server.restart()
  await server.deleteRoom(room)
  await cli(server, password, ['room', 'create', room])
  await cli(server, password, ['write', room], 'a new life')

  const quits = terminal(room)
  await quits.shows('The room is a new one')
  quits.type('q')
  expect(await quits.ended()).toContain(`Joining ${room} again asks what becomes of it.`)

  const goesOn = terminal(room)
  await goesOn.shows('The room is a new one')
  goesOn.type('k')
  await until(() => Promise.resolve(filesIn('kept')), (files) => files.length === 1)
  await goesOn.leave()
  const [copy] = filesIn('kept')
  expect(readFileSync(String(copy), 'utf8')).toBe('unsaved; hello ')
  expect(filesIn('unsent')).toEqual([])
  expect(await cli(server, password, ['cat', room])).toBe('a new life')
})

test('a room made anew while an open editor is cut off: it asks on return, and the new text stays as it is', async () => {
  const room = 'anew-meanwhile'
  await cli(server, password, ['room', 'create', room])
  await cli(server, password, ['write', room], 'hello ')
  const line = await Line.to(server)
  onTestFinished(() => line.close())
  const editor = new Terminal({ directory: server.directory, url: line.url }, password, room)
  onTestFinished(() => editor.kill())
  await editor.shows('hello')
  line.isCut = true
  editor.type('unsaved; ')
  await editor.shows('kept on this device')
  await server.deleteRoom(room)
  await cli(server, password, ['room', 'create', room])
  await cli(server, password, ['write', room], 'a new life')
  const before = filesIn('kept')
  line.isCut = false
  await editor.shows('The room is a new one')
  editor.type('k')
  await until(() => Promise.resolve(filesIn('kept')), (files) => files.length === before.length + 1)
  await editor.leave()
  const [copy] = filesIn('kept').filter((file) => !before.includes(file))
  expect(readFileSync(String(copy), 'utf8')).toBe('unsaved; hello ')
  expect(await cli(server, password, ['cat', room])).toBe('a new life')
})
