/** The admin token: for as long as the tab lives, or in this browser until it is forgotten. */

const KEY = 'collab.admin-token'

/** Empty when there is none. */
export function keptAdminToken(): string {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? ''
}

/** @param inBrowser whether other tabs and later visits have it too */
export function keepAdminToken(token: string, inBrowser: boolean): void {
  try {
    const storage = inBrowser ? localStorage : sessionStorage
    storage.setItem(KEY, token)
  } catch {
    // A full or forbidden storage: the next page asks again.
  }
}

export function forgetAdminToken(): void {
  sessionStorage.removeItem(KEY)
  localStorage.removeItem(KEY)
}
