import { EditorView } from '@codemirror/view'

/** The editor in the page's colours, which follow light and dark by themselves. */
export const editorTheme = EditorView.theme({
  '&': { height: '100%', fontSize: 'var(--text-size)', backgroundColor: 'var(--paper)', color: 'var(--ink)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-text)', lineHeight: '1.65', overscrollBehavior: 'contain', overflowX: 'hidden' },
  '.cm-content': {
    maxWidth: '46rem',
    margin: '0 auto',
    padding: 'clamp(1.5rem, 4vw, 3rem) clamp(1rem, 4vw, 2rem) 40vh',
    caretColor: 'var(--accent)',
  },
  // The browser draws caret and selection: layers of the editor's own cost as much as all else that a key does.
  '.cm-content ::selection': { backgroundColor: 'var(--selection)' },
  '.cm-placeholder': { color: 'var(--ink-soft)' },
  '.cm-searchMatch': { backgroundColor: 'var(--match)' },
  '.cm-searchMatch-selected': { backgroundColor: 'var(--match-selected)' },
  // Colours of the writing are chosen for paper, not for this.
  '.cm-searchMatch span': { color: 'var(--ink)' },
  '.cm-panels': { backgroundColor: 'var(--ground)', color: 'var(--ink)' },
  '.cm-panels-top': { borderBottom: '1px solid var(--line)' },
})
