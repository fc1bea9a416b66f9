import { EditorView } from '@codemirror/view'

/** The others' carets and flags. The flag fades by an animation that room.css defines. */
export const caretTheme = EditorView.baseTheme({
  '.cm-ySelectionCaret': {
    position: 'relative',
    borderLeft: '2px solid var(--colour)',
    marginLeft: '-1px',
    marginRight: '-1px',
  },
  '.cm-ySelectionInfo': {
    position: 'absolute',
    zIndex: '101',
    top: '-1.45em',
    left: '-2px',
    maxWidth: '12rem',
    padding: '0 6px',
    overflow: 'hidden',
    borderRadius: '5px 5px 5px 0',
    backgroundColor: 'var(--colour)',
    color: 'white',
    fontFamily: 'var(--font-ui)',
    fontSize: '11px',
    fontWeight: '600',
    lineHeight: '1.55',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    pointerEvents: 'none',
    userSelect: 'none',
    animation: 'flag 4s ease-in forwards',
  },
  '.cm-ySelectionCaret:hover > .cm-ySelectionInfo': { animation: 'none', opacity: '1' },
})
