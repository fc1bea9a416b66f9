// Plays on Yjs what it is told on standard input, and answers on standard output. A frame is a length of four bytes (little-endian)
// and so many bytes: commands one after the other, each a number and its arguments as lib0 writes them. Every frame gets one
// answer, which holds what its commands ask for. See fuzz/targets/examples/differential.

import * as Y from 'yjs'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'

const [NEW, APPLY, SPLICE, SYNC, DIFF, TEXT] = [0, 1, 2, 3, 4, 5]

/** @type {Map<number, Y.Doc>} */
const docs = new Map()

const doc = (input) => docs.get(decoding.readVarUint(input))

/** The nearest offset at or before `at` that cuts no character: no editor does. */
const boundary = (text, at) => (/[\udc00-\udfff]/.test(text.charAt(at)) ? at - 1 : at)

function splice(input) {
  const text = doc(input).getText('text')
  const [where, length, insert] = [decoding.readVarUint(input), decoding.readVarUint(input), decoding.readVarString(input)]
  const old = text.toString()
  const at = boundary(old, where % (old.length + 1))
  const end = boundary(old, Math.min(old.length, at + length))
  text.doc.transact(() => {
    text.delete(at, end - at)
    text.insert(at, insert)
  })
}

/** The text; the text after a reload where it is another one; whether anything waits for what is missing. */
function tell(doc, output) {
  const text = doc.getText('text').toString()
  const reloaded = new Y.Doc()
  Y.applyUpdate(reloaded, Y.encodeStateAsUpdate(doc))
  encoding.writeVarString(output, text)
  encoding.writeVarString(output, reloaded.getText('text').toString())
  encoding.writeUint8(output, doc.store.pendingStructs || doc.store.pendingDs ? 1 : 0)
}

const commands = {
  [NEW]: (input) => {
    const fresh = new Y.Doc()
    docs.set(decoding.readVarUint(input), fresh)
    fresh.clientID = decoding.readVarUint(input)
  },
  [APPLY]: (input) => Y.applyUpdate(doc(input), decoding.readVarUint8Array(input)),
  [SPLICE]: splice,
  [SYNC]: (input) => {
    const [from, to] = [doc(input), doc(input)]
    Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)))
  },
  [DIFF]: (input, output) => {
    const [from, to] = [doc(input), doc(input)]
    encoding.writeVarUint8Array(output, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)))
  },
  [TEXT]: (input, output) => tell(doc(input), output),
}

function answer(frame) {
  const [input, output] = [decoding.createDecoder(frame), encoding.createEncoder()]
  while (decoding.hasContent(input)) commands[decoding.readVarUint(input)](input, output)
  const body = encoding.toUint8Array(output)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(body.length)
  process.stdout.write(Buffer.concat([length, body]))
}

let waiting = Buffer.alloc(0)
for await (const chunk of process.stdin) {
  waiting = Buffer.concat([waiting, chunk])
  while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32LE(0)) {
    const end = 4 + waiting.readUInt32LE(0)
    answer(new Uint8Array(waiting.subarray(4, end)))
    waiting = waiting.subarray(end)
  }
}
