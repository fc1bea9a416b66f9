/** Frames and datagrams to bytes: postcard, written with lib0. A variant's place in its list is its number on the wire. */

import * as enc from 'lib0/encoding'
import type { Datagram, Position } from './datagrams.ts'
import type { ClientFrame, Credential, Join } from './frames.ts'

const CREDENTIALS: Credential['type'][] = ['Password', 'Resume', 'Token']

/** A frame with its length in front, ready for the stream. */
export function encodeFrame(frame: ClientFrame): Uint8Array {
  return enc.encode((e) => enc.writeVarUint8Array(e, encodeClient(frame)))
}

/** A frame's body, without its length. */
export function encodeClient(frame: ClientFrame): Uint8Array {
  return enc.encode((e) => {
    switch (frame.type) {
      case 'Join':
        enc.writeVarUint(e, 0)
        return writeJoin(e, frame)
      case 'Edit':
        enc.writeVarUint(e, 1)
        enc.writeVarUint(e, frame.id)
        return enc.writeVarUint8Array(e, frame.update)
      case 'SyncRequest':
        enc.writeVarUint(e, 2)
        return enc.writeVarUint8Array(e, frame.stateVector)
      case 'SetName':
        enc.writeVarUint(e, 3)
        return enc.writeVarString(e, frame.name)
    }
  })
}

export function encodeDatagram(datagram: Datagram): Uint8Array {
  return enc.encode((e) => {
    if (datagram.type === 'Presence') {
      enc.writeVarUint(e, 2)
      enc.writeVarUint(e, datagram.slot)
      enc.writeVarUint(e, datagram.member)
      enc.writeVarUint(e, datagram.seq)
      writeOption(e, datagram.cursor, (cursor) => {
        writePosition(e, cursor.anchor)
        writePosition(e, cursor.head)
      })
    } else {
      enc.writeVarUint(e, datagram.type === 'Ping' ? 0 : 1)
      enc.writeVarUint(e, datagram.seq)
      enc.writeVarUint(e, datagram.sentAt)
    }
  })
}

function writeJoin(e: enc.Encoder, join: Join): void {
  enc.writeVarUint(e, join.protocol)
  enc.writeVarString(e, join.room)
  enc.writeVarUint(e, CREDENTIALS.indexOf(join.credential.type))
  enc.writeVarString(e, join.credential.secret)
  enc.writeVarString(e, join.name)
  enc.writeVarUint(e, join.clientId)
  writeOption(e, join.generation, (generation) => enc.writeVarUint(e, generation))
  enc.writeVarUint8Array(e, join.stateVector)
}

function writePosition(e: enc.Encoder, position: Position): void {
  switch (position.type) {
    case 'Start':
      return enc.writeVarUint(e, 0)
    case 'End':
      return enc.writeVarUint(e, 1)
    case 'Before':
    case 'After':
      enc.writeVarUint(e, position.type === 'Before' ? 2 : 3)
      enc.writeVarUint(e, position.client)
      return enc.writeVarUint(e, position.clock)
  }
}

function writeOption<T>(e: enc.Encoder, value: T | null, write: (value: T) => void): void {
  enc.writeUint8(e, value === null ? 0 : 1)
  if (value !== null) write(value)
}
