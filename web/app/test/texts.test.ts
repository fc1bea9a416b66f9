import { expect, test } from 'vitest'
import { preferred } from '../src/shared/language'
import { english } from '../src/editor/texts/english'
import { french } from '../src/editor/texts/french'

/** The same words in both languages. */
const SAME = ['transport.webtransport', 'transport.websocket', 'search.close']

/** Every text by its path; a function as what it takes. */
function entries(value: object, path = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null ? entries(inner, `${path}${key}.`) : [[path + key, inner]],
  )
}

test('both dictionaries have the same keys, and their functions take the same', () => {
  const shape = (dictionary: object): [string, unknown][] =>
    entries(dictionary).map(([path, text]) => [path, typeof text === 'function' ? text.length : typeof text])
  expect(shape(french)).toEqual(shape(english))
})

test('nothing was left untranslated or empty', () => {
  const other = new Map(entries(french))
  const same = entries(english).filter(([path, text]) => typeof text === 'string' && text === other.get(path) && !SAME.includes(path))
  expect(same).toEqual([])
  expect([...entries(english), ...other].filter(([, text]) => text === '')).toEqual([])
})

test('the language is the first of the browser’s that there is', () => {
  expect(preferred(['de-CH', 'fr-CH', 'en'])).toBe('fr')
  expect(preferred(['EN-us'])).toBe('en')
  expect(preferred(['constructor', 'ja'])).toBe('en')
  expect(preferred([])).toBe('en')
})
