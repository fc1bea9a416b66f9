import { EditorState } from '@codemirror/state'
import { expect, test, vi } from 'vitest'
import { YSyncConfig, ySyncAnnotation } from 'y-codemirror.next'
import * as Y from 'yjs'
import { MAX_CHANGE_BYTES, pasteGuard } from '../src/editor/paste-guard'

const NO_LIMIT = (): null => null

test.each([
  ['x'.repeat(MAX_CHANGE_BYTES), true],
  ['x'.repeat(MAX_CHANGE_BYTES + 1), false],
  ['é'.repeat(MAX_CHANGE_BYTES / 2), true],
  [`${'é'.repeat(MAX_CHANGE_BYTES / 2)}x`, false],
])('a change is measured in bytes (case %#)', (insert, passes) => {
  const onStopped = vi.fn()
  const state = EditorState.create({ extensions: pasteGuard(NO_LIMIT, onStopped) })
  const after = state.update({ changes: { from: 0, insert } }).state
  expect(after.doc.length).toBe(passes ? insert.length : 0)
  expect(onStopped.mock.calls).toEqual(passes ? [] : [[{ type: 'change', bytes: MAX_CHANGE_BYTES + 1 }]])
})

test('a text grows to its largest size and no further, and can always become smaller', () => {
  const onStopped = vi.fn()
  const extensions = pasteGuard(() => 10, onStopped)
  const full = EditorState.create({ doc: '12345678', extensions }).update({ changes: { from: 8, insert: '90' } }).state
  expect(full.doc.toString()).toBe('1234567890')
  expect(full.update({ changes: { from: 0, insert: 'x' } }).state.doc.length).toBe(10)
  expect(onStopped).toHaveBeenCalledExactlyOnceWith({ type: 'text', bytes: 11, most: 10 })
  const over = EditorState.create({ doc: '123456789012345', extensions })
  expect(over.update({ changes: { from: 0, to: 2 } }).state.doc.length).toBe(13)
})

test('what others wrote passes, however large', () => {
  const onStopped = vi.fn()
  const state = EditorState.create({ extensions: pasteGuard(() => 10, onStopped) })
  const remote = ySyncAnnotation.of(new YSyncConfig(new Y.Doc().getText('text'), null))
  const after = state.update({ changes: { from: 0, insert: 'x'.repeat(1_300_000) }, annotations: remote }).state
  expect(after.doc.length).toBe(1_300_000)
  expect(onStopped).not.toHaveBeenCalled()
})
