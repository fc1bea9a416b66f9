import { StateEffect } from '@codemirror/state'
import { type EditorView, keymap } from '@codemirror/view'

let search: Promise<typeof import('@codemirror/search')> | null = null
const equipped = new WeakSet<EditorView>()

/** Opens the search panel. Its code is fetched the first time. */
export async function openFind(view: EditorView): Promise<void> {
  search ??= import('@codemirror/search')
  const { highlightSelectionMatches, openSearchPanel, search: panel, searchKeymap } = await search.catch((error: unknown) => {
    search = null
    throw error
  })
  if (!equipped.has(view)) {
    equipped.add(view)
    const extensions = [panel({ top: true }), highlightSelectionMatches(), keymap.of(searchKeymap)]
    view.dispatch({ effects: StateEffect.appendConfig.of(extensions) })
  }
  openSearchPanel(view)
}
