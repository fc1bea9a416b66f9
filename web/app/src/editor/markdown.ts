import { markdownKeymap, markdownLanguage } from '@codemirror/lang-markdown'
import { HighlightStyle, Language, syntaxHighlighting } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { keymap } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import type { BlockParser, MarkdownParser } from '@lezer/markdown'

/** How Markdown looks while it is written: what it means is seen, and its signs stay readable. */
const style = HighlightStyle.define([
  { tag: tags.heading, fontWeight: '700', color: 'var(--accent-strong)' },
  { tag: tags.strong, fontWeight: '700' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: tags.strikethrough, textDecoration: 'line-through' },
  { tag: tags.monospace, color: 'var(--code)' },
  { tag: [tags.link, tags.url], color: 'var(--accent)' },
  { tag: tags.quote, color: 'var(--ink-soft)' },
  { tag: [tags.processingInstruction, tags.contentSeparator, tags.labelName], color: 'var(--ink-soft)' },
])

/** With each key all of a paragraph is read again. A longer one is taken for several, and a longer line for nothing, in characters. */
const MAX_PARAGRAPH = 5_000

const bounded: BlockParser = {
  name: 'Bounded',
  before: 'IndentedCode',
  parse: (context, { text }) => text.length > MAX_PARAGRAPH && (context.nextLine(), true),
  endLeaf: (_context, { text }, { content }) => content.length > MAX_PARAGRAPH || text.length > MAX_PARAGRAPH,
}
// Its type does not say that it is one.
const base: unknown = markdownLanguage.parser
const parser = (base as MarkdownParser).configure({ parseBlock: [bounded] })
/** Markdown that costs no more than a few thousand characters a key, whatever the text is. */
export const language = new Language(markdownLanguage.data, parser, [], 'markdown')

/** The text as Markdown: coloured, and Enter goes on with a list or a quotation. */
export const markdown: Extension = [language, syntaxHighlighting(style), keymap.of(markdownKeymap)]
