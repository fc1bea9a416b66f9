import { translated } from '../shared/language'

/** The words of the page of the server's state. */
export interface StatusWords {
  title: string
  loading: string
  live: string
  rooms: string
  members: string
  connections: string
  edits: string
  latency: string
  what: string
  max: string
  course: string
  steps: Record<string, string>
  running: (duration: string, version: string) => string
}

const ENGLISH: StatusWords = {
  title: 'The server',
  loading: 'Loading…',
  live: 'Live',
  rooms: 'Rooms in use',
  members: 'People',
  connections: 'Connections',
  edits: 'Edits per second',
  latency: 'How long it takes',
  what: 'What',
  max: 'Longest',
  course: 'p99, last minutes',
  steps: {
    edit_apply: 'An edit goes to the others',
    saved: 'It is saved',
    join: 'Somebody enters',
    password_hash: 'A password is checked',
  },
  running: (duration, version) => `Version ${version}, running for ${duration}`,
}

const FRENCH: StatusWords = {
  title: 'Le serveur',
  loading: 'Chargement…',
  live: 'En direct',
  rooms: 'Salons ouverts',
  members: 'Personnes',
  connections: 'Connexions',
  edits: 'Modifications par seconde',
  latency: 'Combien de temps cela prend',
  what: 'Quoi',
  max: 'Au plus',
  course: 'p99, ces minutes-ci',
  steps: {
    edit_apply: 'Une modification part vers les autres',
    saved: 'Elle est enregistrée',
    join: 'Quelqu’un entre',
    password_hash: 'Un mot de passe est vérifié',
  },
  running: (duration, version) => `Version ${version}, en marche depuis ${duration}`,
}

/** In the language of the page. */
export const statusWords = translated({ en: ENGLISH, fr: FRENCH })
