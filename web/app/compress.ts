import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const CODINGS = {
  br: (bytes: Uint8Array) => promisify(brotliCompress)(bytes),
  gz: (bytes: Uint8Array) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
}

/** Writes each built file compressed as well, as well as it goes: the server sends that and spends no time on it. */
export function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    async writeBundle({ dir = '.' }, bundle) {
      await Promise.all(Object.keys(bundle).map((name) => compressFile(join(dir, name))))
    },
  }
}

async function compressFile(path: string): Promise<void> {
  const bytes = await readFile(path)
  for (const [extension, code] of Object.entries(CODINGS)) await writeFile(`${path}.${extension}`, await code(bytes))
}
