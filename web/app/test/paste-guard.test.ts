import { EditorState } from '@codemirror/state'
import { expect, test, vi } from 'vitest'
import { YSyncConfig, ySyncAnnotation } from 'y-codemirror.next'
import * as Y from 'yjs'
import { MAX_PASTE_BYTES, pasteGuard } from '../src/editor/paste-guard'

test.each([
  ['x'.repeat(MAX_PASTE_BYTES), true],
  ['x'.repeat(MAX_PASTE_BYTES + 1), false],
  ['é'.repeat(MAX_PASTE_BYTES / 2), true],
  [`${'é'.repeat(MAX_PASTE_BYTES / 2)}x`, false],
])('a change is measured in bytes (case %#)', (insert, passes) => {
  const onStopped = vi.fn()
  const state = EditorState.create({ extensions: pasteGuard(onStopped) })
  const after = state.update({ changes: { from: 0, insert } }).state
  expect(after.doc.length).toBe(passes ? insert.length : 0)
  expect(onStopped).toHaveBeenCalledTimes(passes ? 0 : 1)
})

test('what others wrote passes, however large', () => {
  const onStopped = vi.fn()
  const state = EditorState.create({ extensions: pasteGuard(onStopped) })
  const remote = ySyncAnnotation.of(new YSyncConfig(new Y.Doc().getText('text'), null))
  const after = state.update({ changes: { from: 0, insert: 'x'.repeat(300_000) }, annotations: remote }).state
  expect(after.doc.length).toBe(300_000)
  expect(onStopped).not.toHaveBeenCalled()
})
