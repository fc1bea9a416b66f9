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
  steps: Record<string, string>
  running: (duration: string, version: string) => string
}

const ENGLISH: StatusWords = {
  title: 'The state',
  loading: 'Loading…',
  live: 'Live',
  rooms: 'Rooms in use',
  members: 'People',
  connections: 'Connections',
  edits: 'Edits per second',
  latency: 'How long it takes',
  what: 'What',
  max: 'Longest',
  steps: {
    edit_apply: 'An edit is taken',
    fan_out: 'It is sent to the others',
    saved: 'It is saved',
    ping: 'A ping comes back',
  },
  running: (duration, version) => `Version ${version}, running for ${duration}`,
}

const FRENCH: StatusWords = {
  title: 'L’état',
  loading: 'Chargement…',
  live: 'En direct',
  rooms: 'Salons ouverts',
  members: 'Personnes',
  connections: 'Connexions',
  edits: 'Modifications par seconde',
  latency: 'Combien de temps cela prend',
  what: 'Quoi',
  max: 'Au plus',
  steps: {
    edit_apply: 'Une modification est prise',
    fan_out: 'Elle part vers les autres',
    saved: 'Elle est enregistrée',
    ping: 'Un ping revient',
  },
  running: (duration, version) => `Version ${version}, en marche depuis ${duration}`,
}

export function statusWords(): StatusWords {
  return document.documentElement.lang.startsWith('fr') ? FRENCH : ENGLISH
}
