/** The languages of the pages, and which one is in use: the person's choice, or else the browser's. */

export const LANGUAGES = { en: 'English', fr: 'Français' } as const

export type Language = keyof typeof LANGUAGES

const KEY = 'collab.language'
let current: Language = chosen() ?? preferred(typeof navigator === 'undefined' ? [] : navigator.languages)

export function language(): Language {
  return current
}

/** Takes a language for this page and for later visits. What is on the page already must be made anew. */
export function chooseLanguage(next: Language): void {
  current = next
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // A full or forbidden storage: the choice holds for this page.
  }
  tellDocument()
}

/** Says in `<html lang>` what the page is written in, for screen readers and hyphenation. */
export function tellDocument(): void {
  document.documentElement.lang = current
}

/** The texts of a part of the pages: a function that gives those of the language in use. */
export function translated<T>(texts: Record<Language, T>): () => T {
  return () => texts[current]
}

/** The first of a browser's languages that the pages have. */
export function preferred(tags: readonly string[]): Language {
  const known = tags.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage)
  return known ?? 'en'
}

function chosen(): Language | null {
  try {
    const kept = localStorage.getItem(KEY) ?? ''
    return isLanguage(kept) ? kept : null
  } catch {
    return null
  }
}

function isLanguage(value: string): value is Language {
  return Object.hasOwn(LANGUAGES, value)
}
