import { translated } from '../shared/language'

/** The words of the page of the stored log. */
export interface LogWords {
  title: string
  loading: string
  live: string
  nothing: string
  older: string
  export: string
  exporting: (count: number) => string
  exported: (count: number) => string
  exportedNewest: (count: number) => string
  table: string
  columns: { time: string; kind: string; room: string; who: string; address: string; bytes: string; detail: string }
  filter: { room: string; kind: string; user: string; since: string; any: string }
  since: { all: string; minutes: string; hour: string; day: string; week: string }
}

const ENGLISH: LogWords = {
  title: 'The log',
  loading: 'Loading…',
  live: 'Live',
  nothing: 'Live · nothing matches yet',
  older: 'Load older entries',
  export: 'Export as JSON lines',
  exporting: (count) => `Exporting… ${count}`,
  exported: (count) => `${count} entries exported`,
  exportedNewest: (count) => `The newest ${count} entries were exported; narrow the filter for older ones`,
  table: 'Log entries, newest first',
  columns: { time: 'Time', kind: 'What', room: 'Room', who: 'Who', address: 'Address', bytes: 'Bytes', detail: 'Detail' },
  filter: { room: 'Room', kind: 'What', user: 'Who', since: 'Since', any: 'any' },
  since: { all: 'everything', minutes: 'the last 15 minutes', hour: 'the last hour', day: 'the last day', week: 'the last week' },
}

const FRENCH: LogWords = {
  title: 'Le journal',
  loading: 'Chargement…',
  live: 'En direct',
  nothing: 'En direct · rien ne correspond encore',
  older: 'Charger des entrées plus anciennes',
  export: 'Exporter en lignes JSON',
  exporting: (count) => `Exportation… ${count}`,
  exported: (count) => `${count} entrées exportées`,
  exportedNewest: (count) => `Les ${count} entrées les plus récentes ont été exportées ; resserrez le filtre pour les autres`,
  table: 'Entrées du journal, les plus récentes d’abord',
  columns: { time: 'Heure', kind: 'Quoi', room: 'Salon', who: 'Qui', address: 'Adresse', bytes: 'Octets', detail: 'Détail' },
  filter: { room: 'Salon', kind: 'Quoi', user: 'Qui', since: 'Depuis', any: 'tous' },
  since: { all: 'toujours', minutes: 'un quart d’heure', hour: 'une heure', day: 'un jour', week: 'une semaine' },
}

/** In the language of the page. */
export const logWords = translated({ en: ENGLISH, fr: FRENCH })
