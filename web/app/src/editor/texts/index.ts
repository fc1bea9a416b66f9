import { translated } from '../../shared/language'
import { english } from './english'
import { french } from './french'

/** Every text of the editor page, in the language in use. */
export const texts = translated({ en: english, fr: french })
