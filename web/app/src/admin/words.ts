import { translated } from '../shared/language'

/** What the pages for the admin have in common. */
export interface AdminWords {
  lead: string
  token: string
  keep: string
  open: string
  forget: string
  missing: string
  wrong: string
  unreachable: string
  toLogs: string
  toStatus: string
  toEditor: string
}

const ENGLISH: AdminWords = {
  lead: 'The server says at its start where its admin token lies.',
  token: 'Admin token',
  keep: 'Keep it in this browser',
  open: 'Open',
  forget: 'Forget the token',
  missing: 'Without the token this page stays closed.',
  wrong: 'This is not the admin token of this server.',
  unreachable: 'The server cannot be reached. Trying again…',
  toLogs: 'The log',
  toStatus: 'The server',
  toEditor: 'The editor',
}

const FRENCH: AdminWords = {
  lead: 'Le serveur dit à son démarrage où se trouve son jeton d’administration.',
  token: 'Jeton d’administration',
  keep: 'Le garder dans ce navigateur',
  open: 'Ouvrir',
  forget: 'Oublier le jeton',
  missing: 'Sans le jeton, cette page reste fermée.',
  wrong: 'Ce n’est pas le jeton d’administration de ce serveur.',
  unreachable: 'Le serveur est injoignable. Nouvel essai…',
  toLogs: 'Le journal',
  toStatus: 'Le serveur',
  toEditor: 'L’éditeur',
}

/** In the language of the page. */
export const adminWords = translated({ en: ENGLISH, fr: FRENCH })
