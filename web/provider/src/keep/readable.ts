import * as Y from 'yjs'
import type { UnsentWork } from './persistence.ts'

/** Whether a record from a browser's storage, where anything may have become of it, is what was written there. */
export function isReadable({ generation, base, since, changes, resumeToken, keptAt }: UnsentWork): boolean {
  const copy = new Y.Doc()
  try {
    for (const update of [base, ...since]) Y.applyUpdate(copy, update)
    for (const change of changes) Y.decodeUpdate(change)
    return Number.isSafeInteger(generation) && typeof resumeToken === 'string' && Number.isFinite(keptAt)
  } catch {
    return false
  } finally {
    copy.destroy()
  }
}
