import { MAX_CHANGE_BYTES } from './paste-guard'
import { texts } from './texts'
import { sizeText } from './words'

/**
 * Reads a text file, with line ends as the shared text has them.
 * @throws {Error} in words for the person, when it is too large or no text.
 */
export async function readTextFile(file: File): Promise<string> {
  const { files } = texts()
  if (file.size > MAX_CHANGE_BYTES) throw new Error(files.tooLarge(file.name, sizeText(file.size), sizeText(MAX_CHANGE_BYTES)))
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Error(files.unreadable(file.name))
  })
  const text = decode(new Uint8Array(bytes))
  if (text === null) throw new Error(files.notText(file.name))
  return text.replace(/\r\n?/g, '\n')
}

/** UTF-8 as a text; null for bytes that are none. A mark at the beginning is dropped. */
export function decode(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
