import { afterEach, beforeEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import { Stock } from './support/provider'
import { Server } from './support/server'
import { cli } from './support/terminal'
import { until } from './support/until'

const password = 'correct horse'
const ROOM = 'demo'
/** So few edits that a moment of typing uses them up; two more a second come back. */
const FEW_EDITS = ['--burst', '3', '--edits-per-minute', '60']

let server: Server
let people: Stock[] = []

async function start(flags: string[] = []): Promise<string> {
  server = await Server.start(flags)
  const created = await fetch(`${server.url}api/rooms`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: ROOM, password }),
  })
  return ((await created.json()) as { owner_token: string }).owner_token
}

function join(token: string, name: string): Stock {
  const person = new Stock(server, ROOM, token, name)
  people.push(person)
  return person
}

/** As {@link until}, of what can be looked at at once. */
async function soon<T>(look: () => T, wanted: (value: T) => boolean): Promise<T> {
  return until(() => Promise.resolve(look()), wanted)
}

async function synced(...these: Stock[]): Promise<void> {
  for (const person of these) await soon(() => person.provider.synced, Boolean)
}

async function reads(person: Stock, text: string): Promise<void> {
  await soon(() => person.read, (read) => read === text)
}

interface Entry {
  kind: string
  name: string | null
  bytes: number | null
}

async function log(kind: string): Promise<Entry[]> {
  const headers = { authorization: `Bearer ${server.adminToken}` }
  const page = await fetch(`${server.url}api/logs?room=${ROOM}&kind=${kind}&limit=1000`, { headers })
  return ((await page.json()) as { entries: Entry[] }).entries
}

beforeEach(() => {
  people = []
})

afterEach(async () => {
  for (const person of people) person.close()
  await server.stop()
})

test('two stock providers and the terminal write one text, and the log has them all', async () => {
  const token = await start()
  const [ada, bob] = [join(token, 'Ada'), join(token, 'Bob')]
  await synced(ada, bob)
  ada.type('from Ada\n')
  await reads(bob, 'from Ada\n')
  bob.type('from Bob\n')
  await reads(ada, 'from Ada\nfrom Bob\n')
  expect(await cli(server, password, ['cat', ROOM])).toBe('from Ada\nfrom Bob\n')
  await cli(server, password, ['write', ROOM], 'from Ada\nfrom a terminal\nfrom Bob\n')
  for (const person of [ada, bob]) await reads(person, 'from Ada\nfrom a terminal\nfrom Bob\n')
  ada.text.delete(0, 5)
  await reads(bob, 'Ada\nfrom a terminal\nfrom Bob\n')

  const joined = await until(() => log('joined'), (entries) => entries.length >= 4)
  expect(joined.map((entry) => entry.name)).toEqual(expect.arrayContaining(['Ada', 'Bob']))
  const edited = await until(() => log('edited'), (entries) => entries.length >= 4)
  expect(edited.map((entry) => entry.name).sort().filter((name) => name === 'Ada' || name === 'Bob')).toEqual(['Ada', 'Ada', 'Bob'])
})

test('providers see names and cursors of each other, as editors for Yjs show them', async () => {
  const token = await start()
  const [ada, bob] = [join(token, 'Ada'), join(token, 'Bob')]
  await synced(ada, bob)
  ada.type('hello')
  await reads(bob, 'hello')
  const place = (index: number): unknown => Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(ada.text, index))
  ada.provider.awareness.setLocalStateField('user', { name: 'Ada L.', color: '#abcdef' })
  ada.provider.awareness.setLocalStateField('cursor', { anchor: place(1), head: place(5) })
  const seen = await soon(() => bob.others().get('Ada L.'), (state) => Boolean(state?.cursor))
  const offset = (json: unknown) =>
    Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(json), bob.doc)?.index
  expect([offset(seen?.cursor?.anchor), offset(seen?.cursor?.head)]).toEqual([1, 5])
  ada.close()
  await soon(() => bob.others().size, (size) => size === 0)
})

test('whoever types faster than the budget loses nothing: what waits goes as one edit', async () => {
  const token = await start(FEW_EDITS)
  const [ada, bob] = [join(token, 'Ada'), join(token, 'Bob')]
  await synced(ada, bob)
  const letters = 'abcdefghijklmnopqrstuvwxyz'.repeat(2)
  for (const letter of letters) {
    ada.type(letter)
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
  await reads(bob, letters)
  expect(ada.read).toBe(letters)
  expect(ada.closes).toEqual([])
  await until(() => log('rate-limited'), (entries) => entries.length > 0)
  expect((await log('edited')).length).toBeLessThan(letters.length / 3)
})

test('more than may wait closes with a code to come again, and all of it arrives then', async () => {
  const token = await start(['--burst', '1', '--edits-per-minute', '12'])
  const [ada, bob] = [join(token, 'Ada'), join(token, 'Bob')]
  await synced(ada, bob)
  const flood = 12_000
  for (let number = 0; number < flood; number++) ada.type(`${number % 10}`)
  await soon(() => ada.closes, (closes) => closes.includes(4504))
  await soon(() => bob.text.length, (length) => length === flood)
  expect(bob.read).toBe(ada.read)
})

test('what is typed while the server is away arrives when it is back', async () => {
  const token = await start()
  const [ada, bob] = [join(token, 'Ada'), join(token, 'Bob')]
  await synced(ada, bob)
  ada.type('before, ')
  await reads(bob, 'before, ')
  await until(() => log('edited'), (entries) => entries.length === 1)
  await server.kill()
  ada.type('away, ')
  await server.restart()
  for (const person of [ada, bob]) await reads(person, 'before, away, ')
  bob.type('back')
  await reads(ada, 'before, away, back')
})

test('a wrong token and a deleted room end it for good, with the code that says why', async () => {
  const token = await start()
  const mallory = join(`${token}x`, 'Mallory')
  const ada = join(token, 'Ada')
  await synced(ada)
  await soon(() => mallory.closes, (closes) => closes.length > 0)
  expect([mallory.closes, mallory.provider.shouldConnect, mallory.read]).toEqual([[4402], false, ''])
  expect((await log('refused')).length).toBe(1)
  await server.deleteRoom(ROOM)
  await soon(() => ada.closes, (closes) => closes.length > 0)
  expect([ada.closes, ada.provider.shouldConnect]).toEqual([[4410], false])
})
