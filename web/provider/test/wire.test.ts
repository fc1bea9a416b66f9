import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Code } from '../src/wire/code'
import { decodeClient, decodeDatagram, decodeServer } from '../src/wire/decode'
import { encodeClient, encodeDatagram, encodeFrame } from '../src/wire/encode'
import { FrameSplitter } from '../src/wire/frame-splitter'
import { WireError } from '../src/wire/wire-error'
import { encodeServer } from './support/encode-server'

interface Vector {
  name: string
  kind: 'client' | 'server' | 'datagram'
  hex: string
  value: unknown
}

const file = new URL('../../../tests/vectors/frames.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[]

test.each(vectors)('golden $kind: $name', ({ kind, hex, value }) => {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
  const frame = { client: decodeClient, server: decodeServer, datagram: decodeDatagram }[kind](bytes)
  expect(asSerde(frame)).toEqual(value)
  expect(Buffer.from(encode(frame, kind)).toString('hex')).toBe(hex)
})

test('every code has its number', () => {
  const refusals = vectors.filter(({ name }) => name.startsWith('refused: '))
  const codes = refusals.map(({ name, value }) => [name.slice(9), (value as { Refused: { code: number } }).Refused.code])
  expect(Object.fromEntries(codes)).toEqual(Code)
})

test.each(vectors)('cut off or longer is no frame: $name', ({ kind, hex }) => {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
  const decode = { client: decodeClient, server: decodeServer, datagram: decodeDatagram }[kind]
  for (let end = 0; end < bytes.length; end++) {
    // A view into more bytes: what lies behind its end must not be read.
    expect(() => decode(bytes.subarray(0, end))).toThrow(WireError)
  }
  expect(() => decode(Uint8Array.of(...bytes, 0))).toThrow(WireError)
})

test('a stream is cut into frames wherever its pieces end', () => {
  const edit = { type: 'Edit', id: 7, update: new Uint8Array(300).fill(1) } as const
  const bytes = encodeFrame(edit)
  const splitter = new FrameSplitter()
  for (const byte of bytes.subarray(0, -1)) {
    splitter.push(Uint8Array.of(byte))
    expect(splitter.next()).toBe(null)
  }
  splitter.push(Uint8Array.of(...bytes.subarray(-1), ...bytes))
  for (let i = 0; i < 2; i++) expect(decodeClient(splitter.next() ?? new Uint8Array())).toEqual(edit)
  expect(splitter.next()).toBe(null)
})

test('a frame above the limit is refused before it has arrived', () => {
  const splitter = new FrameSplitter(300)
  splitter.push(Uint8Array.of(0xac, 0x02))
  expect(splitter.next()).toBe(null)
  const over = new FrameSplitter(299)
  over.push(Uint8Array.of(0xac, 0x02))
  expect(() => over.next()).toThrow(WireError)
  const endless = new FrameSplitter()
  endless.push(new Uint8Array(5).fill(0xff))
  expect(() => endless.next()).toThrow(WireError)
})

function encode(frame: unknown, kind: Vector['kind']): Uint8Array {
  if (kind === 'client') return encodeClient(frame as Parameters<typeof encodeClient>[0])
  if (kind === 'server') return encodeServer(frame as Parameters<typeof encodeServer>[0])
  return encodeDatagram(frame as Parameters<typeof encodeDatagram>[0])
}

/** A frame as Rust's serde writes it in JSON: a variant is an object of one key, or its name when it holds nothing. */
function asSerde(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(asSerde)
  if (typeof value !== 'object' || value === null) return value
  const { type, secret, ...fields } = value as Record<string, unknown>
  if (typeof type === 'string' && secret !== undefined) return { [type]: secret }
  const inner = Object.fromEntries(Object.entries(fields).map(([key, field]) => [snake(key), asSerde(field)]))
  if (typeof type !== 'string') return inner
  return Object.keys(inner).length === 0 ? type : { [type]: inner }
}

function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
