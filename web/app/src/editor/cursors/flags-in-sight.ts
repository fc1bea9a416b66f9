import type { EditorView } from '@codemirror/view'

/** What a flag is to the left of its caret when nothing is in its way, in pixels; as the theme has it. */
const INSET = 2

/** Once the editor has laid itself out, moves every flag that would reach over the right edge so far to the left that it is seen whole. */
export function keepFlagsInSight(view: EditorView): void {
  view.requestMeasure({
    key: keepFlagsInSight,
    read: () => {
      const edge = view.scrollDOM.getBoundingClientRect().left + view.scrollDOM.clientWidth
      const flags = [...view.contentDOM.querySelectorAll<HTMLElement>('.cm-ySelectionInfo')]
      return flags.map((flag) => ({ flag, overhang: Math.max(0, right(flag) - edge) }))
    },
    write: (flags) => {
      for (const { flag, overhang } of flags) flag.style.translate = `${-overhang}px`
    },
  })
}

/** Where a flag would end if it had not been moved. */
function right(flag: HTMLElement): number {
  const caret = flag.parentElement?.getBoundingClientRect().left ?? 0
  return caret - INSET + flag.offsetWidth
}
