/** Bytes to frames and datagrams. Any bytes give a value or throw a {@link WireError}. */

import * as dec from 'lib0/decoding'
import type { Cursor, Datagram, Position } from './datagrams.ts'
import type { ClientFrame, Credential, Durability, MemberInfo, Policy, Role, ServerFrame } from './frames.ts'
import { MAX_DATAGRAM_BYTES } from './limits.ts'
import { WireError } from './wire-error.ts'

type Read<T> = (d: dec.Decoder) => T

const uint = dec.readVarUint
const text = dec.readVarString

/** A copy, so that a small update does not keep the whole frame it came in. */
const bytes: Read<Uint8Array> = (d) => dec.readVarUint8Array(d).slice()

/** Decodes a frame's body as a server sent it. */
export function decodeServer(body: Uint8Array): ServerFrame {
  return whole(body, serverFrame)
}

/** Decodes a frame's body as a client sent it: for tests of servers and of this codec. */
export function decodeClient(body: Uint8Array): ClientFrame {
  return whole(body, clientFrame)
}

export function decodeDatagram(body: Uint8Array): Datagram {
  if (body.byteLength > MAX_DATAGRAM_BYTES) throw new WireError('a datagram that is too large')
  return whole(body, datagram)
}

function whole<T>(body: Uint8Array, read: Read<T>): T {
  // lib0 checks lengths against the buffer behind a view, not against the view.
  const d = dec.createDecoder(body.byteLength === body.buffer.byteLength ? body : body.slice())
  let value: T
  try {
    value = read(d)
  } catch (error) {
    throw error instanceof WireError ? error : new WireError('a frame that is cut off or out of range')
  }
  if (dec.hasContent(d) || d.pos > body.byteLength) throw new WireError('a frame of another length')
  return value
}

const serverFrame: Read<ServerFrame> = (d) => {
  switch (uint(d)) {
    case 0:
      return welcome(d)
    case 1:
      return { type: 'Refused', code: uint(d), message: text(d), retryAfterMs: option(d, uint) }
    case 2:
      return { type: 'Edited', member: uint(d), update: bytes(d) }
    case 3:
      return { type: 'Saved', id: uint(d), durability: oneOf<Durability>(d, ['disk', 'quorum']) }
    case 4:
      return { type: 'Rejected', id: uint(d), code: uint(d), message: text(d), retryAfterMs: option(d, uint) }
    case 5:
      return { type: 'Resync', update: bytes(d), stateVector: bytes(d) }
    case 6:
      return { type: 'Members', count: uint(d), joined: list(d, memberInfo), left: list(d, uint) }
    case 7:
      return { type: 'RoleChanged', role: role(d) }
    case 8:
      return { type: 'GoAway', reconnectAfterMs: uint(d), reason: uint(d) }
    case 9:
      return { type: 'PolicyChanged', policy: policy(d) }
    default:
      throw new WireError('a frame of an unknown kind')
  }
}

const clientFrame: Read<ClientFrame> = (d) => {
  switch (uint(d)) {
    case 0:
      return {
        type: 'Join',
        protocol: uint(d),
        room: text(d),
        credential: credential(d),
        name: text(d),
        clientId: uint(d),
        generation: option(d, uint),
        stateVector: bytes(d),
      }
    case 1:
      return { type: 'Edit', id: uint(d), update: bytes(d) }
    case 2:
      return { type: 'SyncRequest', stateVector: bytes(d) }
    case 3:
      return { type: 'SetName', name: text(d) }
    default:
      throw new WireError('a frame of an unknown kind')
  }
}

const datagram: Read<Datagram> = (d) => {
  switch (uint(d)) {
    case 0:
      return { type: 'Ping', seq: uint(d), sentAt: uint(d) }
    case 1:
      return { type: 'Pong', seq: uint(d), sentAt: uint(d) }
    case 2:
      return { type: 'Presence', slot: uint(d), member: uint(d), seq: uint(d), cursor: option(d, cursor) }
    default:
      throw new WireError('a datagram of an unknown kind')
  }
}

const welcome: Read<ServerFrame> = (d) => ({
  type: 'Welcome',
  member: uint(d),
  name: text(d),
  role: role(d),
  resumeToken: text(d),
  policy: policy(d),
  generation: uint(d),
  slot: uint(d),
  stateVector: bytes(d),
  missing: bytes(d),
  count: uint(d),
  members: list(d, memberInfo),
})

const policy: Read<Policy> = (d) => ({
  throttleMs: uint(d),
  editsPerMinute: uint(d),
  burst: uint(d),
  tokens: uint(d),
  maxUpdateBytes: uint(d),
  maxDocumentBytes: uint(d),
})

const memberInfo: Read<MemberInfo> = (d) => ({ id: uint(d), name: text(d), role: role(d) })

const role: Read<Role> = (d) => oneOf<Role>(d, ['viewer', 'editor', 'owner'])

const credential: Read<Credential> = (d) => ({
  type: oneOf<Credential['type']>(d, ['Password', 'Resume', 'Token']),
  secret: text(d),
})

const cursor: Read<Cursor> = (d) => ({ anchor: position(d), head: position(d) })

const position: Read<Position> = (d) => {
  const type = oneOf<Position['type']>(d, ['Start', 'End', 'Before', 'After'])
  return type === 'Start' || type === 'End' ? { type } : { type, client: uint(d), clock: uint(d) }
}

function oneOf<T>(d: dec.Decoder, variants: T[]): T {
  const variant = variants[uint(d)]
  if (variant === undefined) throw new WireError('a value that is not known')
  return variant
}

function option<T>(d: dec.Decoder, read: Read<T>): T | null {
  return oneOf(d, [false, true]) ? read(d) : null
}

function list<T>(d: dec.Decoder, read: Read<T>): T[] {
  const items: T[] = []
  // Reading past the end throws, so a false count costs no more than the bytes that are there.
  for (let left = uint(d); left > 0; left--) items.push(read(d))
  return items
}
