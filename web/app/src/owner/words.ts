import { translated } from '../shared/language'

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
  delete: string
  deleteHint: string
  deleteQuestion: (room: string) => string
  deleted: string
  token: string
  tokenHint: string
  open: string
  wrongToken: string
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
  delete: 'Delete the room',
  deleteHint: 'The text and its history go with it, for everybody and for good.',
  deleteQuestion: (room) => `Delete “${room}” and its text for good?`,
  deleted: 'The room was deleted.',
  token: 'Owner token',
  tokenHint: 'Whoever created the room has it: the browser, or the command line that did so keeps it.',
  open: 'Open',
  wrongToken: 'This is not the owner token of this room.',
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
  delete: 'Supprimer le salon',
  deleteHint: 'Le texte et son historique disparaissent avec lui, pour tout le monde et pour de bon.',
  deleteQuestion: (room) => `Supprimer « ${room} » et son texte pour de bon ?`,
  deleted: 'Le salon a été supprimé.',
  token: 'Jeton du propriétaire',
  tokenHint: 'Qui a créé le salon l’a : le navigateur ou la ligne de commande d’alors le garde.',
  open: 'Ouvrir',
  wrongToken: 'Ce n’est pas le jeton du propriétaire de ce salon.',
  unreachable: 'Le serveur est injoignable.',
}

/** In the language of the page. */
export const ownerWords = translated({ en: ENGLISH, fr: FRENCH })
