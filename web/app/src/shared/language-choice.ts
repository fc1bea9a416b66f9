import { h } from './dom'
import { LANGUAGES, type Language, chooseLanguage, language } from './language'

/** A choice of the page's language. */
export function languageChoice(label: string, changed: () => void): HTMLElement {
  const choose = (event: Event): void => {
    chooseLanguage((event.target as HTMLSelectElement).value as Language)
    changed()
  }
  const options = Object.entries(LANGUAGES).map(([value, name]) =>
    h('option', { value, lang: value, selected: value === language() }, name),
  )
  return h('select', { class: 'language', 'aria-label': label, change: choose }, ...options)
}
