import { expect, test } from 'vitest'
import { language } from '../src/editor/markdown'

/** The kinds of what stands in a text, outermost first. */
function kinds(text: string): string[] {
  const names: string[] = []
  language.parser.parse(text).iterate({ enter: ({ name }) => void names.push(name) })
  return names
}

test('a paragraph is read as Markdown', () => {
  expect(kinds('a *b*')).toEqual(['Document', 'Paragraph', 'Emphasis', 'EmphasisMark', 'EmphasisMark'])
})

test('a paragraph without end is taken for many', () => {
  const lines = `${'x'.repeat(99)}\n`.repeat(1_000)
  expect(kinds(lines).filter((name) => name === 'Paragraph').length).toBeGreaterThan(15)
})

test('a line of 5,000 characters is read, a longer one is passed over, and what follows is read again', () => {
  const bold = (length: number): string => `**b** ${'x'.repeat(length - 6)}`
  expect(kinds(bold(5_000))).toContain('StrongEmphasis')
  expect(kinds(bold(5_001))).toEqual(['Document'])
  expect(kinds(`before\n${bold(5_001)}\n# after`)).toEqual(['Document', 'Paragraph', 'ATXHeading1', 'HeaderMark'])
})
