import * as enc from 'lib0/encoding'
import type { MemberInfo, Policy, ServerFrame, Welcome } from '../../src/wire/frames'

const ROLES = ['viewer', 'editor', 'owner']

/** A frame as a server writes it, without its length: the counterpart that the provider itself does not need. */
export function encodeServer(frame: ServerFrame): Uint8Array {
  return enc.encode((e) => {
    enc.writeVarUint(e, KINDS.indexOf(frame.type))
    write(e, frame)
  })
}

export function framed(frame: ServerFrame): Uint8Array {
  return enc.encode((e) => enc.writeVarUint8Array(e, encodeServer(frame)))
}

const KINDS: ServerFrame['type'][] = [
  'Welcome',
  'Refused',
  'Edited',
  'Saved',
  'Rejected',
  'Resync',
  'Members',
  'RoleChanged',
  'GoAway',
  'PolicyChanged',
]

function write(e: enc.Encoder, frame: ServerFrame): void {
  switch (frame.type) {
    case 'Welcome':
      return writeWelcome(e, frame)
    case 'Rejected':
      enc.writeVarUint(e, frame.id)
      return writeReason(e, frame)
    case 'Refused':
      return writeReason(e, frame)
    case 'Edited':
      enc.writeVarUint(e, frame.member)
      return enc.writeVarUint8Array(e, frame.update)
    case 'Saved':
      enc.writeVarUint(e, frame.id)
      return enc.writeVarUint(e, frame.durability === 'disk' ? 0 : 1)
    case 'Resync':
      enc.writeVarUint8Array(e, frame.update)
      return enc.writeVarUint8Array(e, frame.stateVector)
    case 'Members':
      enc.writeVarUint(e, frame.count)
      writeMembers(e, frame.joined)
      enc.writeVarUint(e, frame.left.length)
      return frame.left.forEach((id) => enc.writeVarUint(e, id))
    case 'RoleChanged':
      return enc.writeVarUint(e, ROLES.indexOf(frame.role))
    case 'GoAway':
      enc.writeVarUint(e, frame.reconnectAfterMs)
      return enc.writeVarUint(e, frame.reason)
    case 'PolicyChanged':
      return writePolicy(e, frame.policy)
  }
}

function writePolicy(e: enc.Encoder, policy: Policy): void {
  const times = [policy.throttleMs, policy.editsPerMinute, policy.burst, policy.tokens]
  for (const value of [...times, policy.maxUpdateBytes, policy.maxDocumentBytes]) enc.writeVarUint(e, value)
}

function writeWelcome(e: enc.Encoder, frame: Welcome): void {
  enc.writeVarUint(e, frame.member)
  enc.writeVarString(e, frame.name)
  enc.writeVarUint(e, ROLES.indexOf(frame.role))
  enc.writeVarString(e, frame.resumeToken)
  writePolicy(e, frame.policy)
  enc.writeVarUint(e, frame.generation)
  enc.writeVarUint(e, frame.slot)
  enc.writeVarUint8Array(e, frame.stateVector)
  enc.writeVarUint8Array(e, frame.missing)
  enc.writeVarUint(e, frame.count)
  writeMembers(e, frame.members)
}

function writeMembers(e: enc.Encoder, members: MemberInfo[]): void {
  enc.writeVarUint(e, members.length)
  for (const member of members) {
    enc.writeVarUint(e, member.id)
    enc.writeVarString(e, member.name)
    enc.writeVarUint(e, ROLES.indexOf(member.role))
  }
}

function writeReason(e: enc.Encoder, reason: { code: number; message: string; retryAfterMs: number | null }): void {
  enc.writeVarUint(e, reason.code)
  enc.writeVarString(e, reason.message)
  enc.writeUint8(e, reason.retryAfterMs === null ? 0 : 1)
  if (reason.retryAfterMs !== null) enc.writeVarUint(e, reason.retryAfterMs)
}
