import { EditorView } from '@codemirror/view'

/** The editor in the page's colours, which follow light and dark by themselves. */
export const editorTheme = EditorView.theme({
  '&': { height: '100%', fontSize: 'var(--text-size)', backgroundColor: 'var(--paper)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-text)', lineHeight: '1.65', overscrollBehavior: 'contain' },
  '.cm-content': {
    maxWidth: '46rem',
    margin: '0 auto',
    padding: 'clamp(1.25rem, 4vw, 3rem) clamp(1rem, 4vw, 2rem) 40vh',
    caretColor: 'var(--accent)',
  },
  '.cm-cursor': { borderLeft: '2px solid var(--accent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'var(--selection)',
  },
  '.cm-placeholder': { color: 'var(--ink-faint)' },
  '.cm-ySelectionInfo': {
    fontFamily: 'var(--font-ui)',
    fontSize: '11px',
    fontWeight: '600',
    lineHeight: '1.5',
    padding: '0 5px',
    top: '-1.5em',
    borderRadius: '4px 4px 4px 0',
    opacity: '0.92',
    transitionDelay: '0s',
    pointerEvents: 'none',
  },
  '.cm-ySelectionCaretDot': { display: 'none' },
})
