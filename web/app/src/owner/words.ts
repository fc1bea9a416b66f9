import { translated } from '../shared/language'
import type { Pace } from './pace'

/** The words of the owner's panel. */
export interface OwnerWords {
  title: (room: string) => string
  close: string
  cancel: string
  people: string
  nobody: string
  you: string
  roleOf: (name: string) => string
  roles: { viewer: string; editor: string; owner: string }
  roleChanged: (name: string, role: string) => string
  kick: string
  ban: string
  kickQuestion: (name: string) => string
  kicked: (name: string) => string
  passwords: string
  password: string
  passwordHint: string
  viewerPassword: string
  viewerPasswordHint: string
  change: string
  passwordChanged: string
  viewerPasswordChanged: string
  viewerPasswordOff: string
  turnOff: string
  turnOffQuestion: string
  policy: string
  policyHint: string
  policyLabels: Record<keyof Pace, string>
  policyBounds: Record<keyof Pace, (least: string, most: string) => string>
  policyChanged: (perMinute: string, atOnce: string, seconds: string) => string
  delete: string
  deleteHint: string
  deleteQuestion: (room: string) => string
  deleted: string
  token: string
  tokenHint: string
  open: string
  wrongToken: string
  tokenEnded: string
  unreachable: string
}

const ENGLISH: OwnerWords = {
  title: (room) => `Manage “${room}”`,
  close: 'Close',
  cancel: 'Cancel',
  people: 'People',
  nobody: 'Nobody is here now.',
  you: 'you',
  roleOf: (name) => `What ${name} may do`,
  roles: { viewer: 'reads', editor: 'writes', owner: 'owns' },
  roleChanged: (name, role) => `${name}: ${role}.`,
  kick: 'Remove',
  ban: 'Keep out for a day',
  kickQuestion: (name) => `Remove ${name}? With the password they can come back.`,
  kicked: (name) => `${name} was removed.`,
  passwords: 'Passwords',
  password: 'New password',
  passwordHint: 'Everybody who came by the old one must join again.',
  viewerPassword: 'Password for readers',
  viewerPasswordHint: 'Whoever joins with it can read, and change nothing.',
  change: 'Change',
  passwordChanged: 'The password was changed.',
  viewerPasswordChanged: 'Readers can join with this password now.',
  viewerPasswordOff: 'There is no password for readers any more.',
  turnOff: 'Turn off',
  turnOffQuestion: 'Turn it off? Readers who came by it must leave.',
  policy: 'How often each person may write',
  policyHint: 'Changes come together and go out as often as this allows; nothing is lost. An empty field goes by the server, and shows what holds then.',
  policyLabels: { edits_per_minute: 'Changes a minute', burst: 'As many at once', throttle_ms: 'Seconds between two' },
  policyBounds: {
    edits_per_minute: (least, most) => `whole, ${least} to ${most}`,
    burst: (least, most) => `whole, ${least} to ${most}`,
    throttle_ms: (least, most) => `${least} to ${most}, such as 0.5`,
  },
  policyChanged: (perMinute, atOnce, seconds) => `Each person may make ${perMinute} changes a minute now, ${atOnce} at once, ${seconds} s between two.`,
  delete: 'Delete the room',
  deleteHint: 'The text and its history go with it, for everybody and for good.',
  deleteQuestion: (room) => `Delete “${room}” and its text for good?`,
  deleted: 'The room was deleted.',
  token: 'Owner token',
  tokenHint: 'The browser in which the room was created has one. Whoever runs the server makes another:',
  open: 'Open',
  wrongToken: 'This is no owner token of this room, or not any more.',
  tokenEnded: 'The owner token in this browser is not good any more. Another one is needed.',
  unreachable: 'The server cannot be reached.',
}

const FRENCH: OwnerWords = {
  title: (room) => `Gérer « ${room} »`,
  close: 'Fermer',
  cancel: 'Annuler',
  people: 'Personnes',
  nobody: 'Personne n’est là en ce moment.',
  you: 'vous',
  roleOf: (name) => `Ce que ${name} peut faire`,
  roles: { viewer: 'lit', editor: 'écrit', owner: 'possède' },
  roleChanged: (name, role) => `${name} : ${role}.`,
  kick: 'Retirer',
  ban: 'Exclure un jour',
  kickQuestion: (name) => `Retirer ${name} ? Le mot de passe permet de revenir.`,
  kicked: (name) => `${name} a été retiré.`,
  passwords: 'Mots de passe',
  password: 'Nouveau mot de passe',
  passwordHint: 'Toute personne entrée avec l’ancien devra se joindre à nouveau.',
  viewerPassword: 'Mot de passe de lecture',
  viewerPasswordHint: 'Qui entre avec lui peut lire, sans rien changer.',
  change: 'Changer',
  passwordChanged: 'Le mot de passe a été changé.',
  viewerPasswordChanged: 'On peut maintenant entrer en lecture avec ce mot de passe.',
  viewerPasswordOff: 'Il n’y a plus de mot de passe de lecture.',
  turnOff: 'Supprimer',
  turnOffQuestion: 'Le supprimer ? Les lecteurs entrés avec lui devront partir.',
  policy: 'Fréquence d’écriture de chaque personne',
  policyHint: 'Les modifications se regroupent et partent aussi souvent que permis ; rien ne se perd. Un champ vide suit le serveur et montre ce qui vaut alors.',
  policyLabels: { edits_per_minute: 'Modifications par minute', burst: 'Nombre à la fois', throttle_ms: 'Secondes entre deux' },
  policyBounds: {
    edits_per_minute: (least, most) => `entier, de ${least} à ${most}`,
    burst: (least, most) => `entier, de ${least} à ${most}`,
    throttle_ms: (least, most) => `de ${least} à ${most}, comme 0,5`,
  },
  policyChanged: (perMinute, atOnce, seconds) =>
    `Chaque personne peut faire désormais ${perMinute} modifications par minute, ${atOnce} à la fois, ${seconds} s entre deux.`,
  delete: 'Supprimer le salon',
  deleteHint: 'Le texte et son historique disparaissent avec lui, pour tout le monde et pour de bon.',
  deleteQuestion: (room) => `Supprimer « ${room} » et son texte pour de bon ?`,
  deleted: 'Le salon a été supprimé.',
  token: 'Jeton du propriétaire',
  tokenHint: 'Le navigateur où le salon a été créé en a un. Qui gère le serveur en fait un autre :',
  open: 'Ouvrir',
  wrongToken: 'Ce n’est pas un jeton du propriétaire de ce salon, ou ce n’en est plus un.',
  tokenEnded: 'Le jeton du propriétaire gardé par ce navigateur n’est plus valable. Il en faut un autre.',
  unreachable: 'Le serveur est injoignable.',
}

/** In the language of the page. */
export const ownerWords = translated({ en: ENGLISH, fr: FRENCH })
