import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const FOLDER = resolve(import.meta.dirname, '..')
/** What a package of this size may weigh, unpacked, in bytes. */
const MOST_BYTES = 300_000

interface Packed {
  unpackedSize: number
  files: { path: string }[]
}

interface Manifest {
  exports: Record<string, Record<string, string>>
}

function pack(): Packed {
  // The build has been made: `npm test` begins with it.
  const json = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: FOLDER, encoding: 'utf8' })
  const [packed] = JSON.parse(json) as Packed[]
  if (!packed) throw new Error('nothing was packed')
  return packed
}

test('the package holds its build, what it is and its licences, and nothing else', () => {
  const { files, unpackedSize } = pack()
  const paths = files.map(({ path }) => path)
  const { exports } = JSON.parse(readFileSync(resolve(FOLDER, 'package.json'), 'utf8')) as Manifest
  const entries = Object.values(exports).flatMap((entry) => Object.values(entry)).map((path) => path.replace('./', ''))
  expect(paths).toEqual(expect.arrayContaining(['package.json', 'README.md', 'dist/LICENSE-MIT', 'dist/LICENSE-APACHE', ...entries]))
  expect(paths.filter((path) => !/^(dist\/.*(\.js|\.d\.ts|LICENSE-\w+)|package\.json|README\.md)$/.test(path))).toEqual([])
  expect(unpackedSize).toBeLessThan(MOST_BYTES)
})

test('the build is loaded as it is, without a bundler', async () => {
  const { CollabProvider, IndexedDbPersistence } = (await import(resolve(FOLDER, 'dist/index.js'))) as Record<string, unknown>
  expect([typeof CollabProvider, typeof IndexedDbPersistence]).toEqual(['function', 'function'])
})
