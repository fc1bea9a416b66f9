import * as enc from 'lib0/encoding'
import * as Y from 'yjs'
import { type Struct, byAuthor, holds } from './structs.ts'

/**
 * Of an update of several authors, the parts that stand by themselves: for each author the operations, from the first one on,
 * that build on none of another author in this update. None where there is one author. A server that refuses the whole for
 * the sake of one author takes the others' parts.
 */
export function independentParts(update: Uint8Array): Uint8Array[] {
  const authors = byAuthor(Y.decodeUpdate(update).structs)
  if (authors.size < 2) return []
  const brings = ({ client, clock }: Y.ID): boolean => holds(authors.get(client), clock)
  const stands = (struct: Struct): boolean =>
    !(struct instanceof Y.Item) ||
    [struct.origin, struct.rightOrigin].every((id) => !id || id.client === struct.id.client || !brings(id))
  const parts = [...authors.values()].map((structs) => structs.slice(0, countWhile(structs, stands)))
  return parts.filter((structs) => structs.length > 0).map(encode)
}

function countWhile<T>(values: T[], holds: (value: T) => boolean): number {
  const end = values.findIndex((value) => !holds(value))
  return end < 0 ? values.length : end
}

/** An update with these operations of one author, and no deletions. */
function encode(structs: Struct[]): Uint8Array {
  const encoder = new Y.UpdateEncoderV1()
  enc.writeVarUint(encoder.restEncoder, 1)
  enc.writeVarUint(encoder.restEncoder, structs.length)
  encoder.writeClient(structs[0]?.id.client ?? 0)
  enc.writeVarUint(encoder.restEncoder, structs[0]?.id.clock ?? 0)
  for (const struct of structs) struct.write(encoder, 0)
  enc.writeVarUint(encoder.restEncoder, 0)
  return encoder.toUint8Array()
}
