import { Code, type Keeping, type LatencyReport, type Route, type SaveStatus, type Status } from '@collab/provider'
import { language } from '../shared/language'
import { type Excess, MAX_CHANGE_BYTES } from './paste-guard'
import { texts } from './texts'
import type { Texts } from './texts/texts'

type Reason = Exclude<keyof Texts['refusals'], 'other'>

/** What each refusal means for the person at this page, and what to do. */
const REFUSALS: Record<number, Reason> = {
  [Code.WrongPassword]: 'wrongPassword',
  [Code.BadToken]: 'badToken',
  [Code.NoSuchRoom]: 'noSuchRoom',
  [Code.UnsupportedProtocol]: 'unsupportedProtocol',
  [Code.BadName]: 'badName',
  [Code.Removed]: 'removed',
  [Code.Banned]: 'banned',
  [Code.RoomDeleted]: 'roomDeleted',
  [Code.Replaced]: 'replaced',
  [Code.PasswordChanged]: 'passwordChanged',
  [Code.RoomExists]: 'roomExists',
  [Code.BadPassword]: 'badPassword',
  [Code.Busy]: 'busy',
  [Code.RoomFull]: 'roomFull',
  [Code.Draining]: 'draining',
  [Code.RateLimited]: 'rateLimited',
  [Code.TooMany]: 'busy',
  [Code.Storage]: 'storage',
}

/** A refusal in words. The server's own are English: they serve only where the page knows none and speaks English too. */
export function refusalText(code: number, message = ''): string {
  const { refusals } = texts()
  const key = REFUSALS[code]
  if (key) return refusals[key]
  return language() === 'en' && message ? message : refusals.other(code)
}

/** What is wrong with changes that the server does not take. */
export function problemText({ code }: { code: number }): string {
  const { problems } = texts()
  switch (code) {
    case Code.DocumentFull:
      return problems.documentFull
    case Code.UpdateTooLarge:
      return problems.updateTooLarge
    case Code.ReadOnly:
      return problems.readOnly
    default:
      return problems.other(code)
  }
}

export function stateText({ state }: Status): string {
  return texts().states[state]
}

/** When the next try comes; empty while none is planned. */
export function retryText(status: Status, now: number): string {
  return status.state === 'backoff' ? texts().states.retry(Math.max(1, Math.ceil((status.retryAt - now) / 1000))) : ''
}

export function saveText({ state, durability, keeping }: SaveStatus): string {
  const { saving } = texts()
  if (state === 'device') return deviceText(keeping)
  if (state === 'sent') return saving.sent
  return durability === 'quorum' ? saving.quorum : saving.saved
}

/** Where a change is that is not saved, by what becomes of it when the page is closed. */
function deviceText(keeping: Keeping): string {
  const { saving } = texts()
  if (keeping === 'kept') return saving.kept
  return keeping === 'pending' ? saving.device : saving.onlyTab
}

/** Why an edit waits, once that takes longer than anybody would take for normal. */
export function budgetText({ nextEditAt }: SaveStatus, now: number): string {
  const wait = nextEditAt === null ? 0 : nextEditAt - now
  return wait > 700 ? texts().saving.budget(number(wait / 1000, 1)) : ''
}

export function latencyText({ p50 }: LatencyReport): string {
  return p50 === null ? '' : `${p50 < 10 ? number(p50, 1) : number(p50, 0)} ms`
}

export function latencyDetail({ p50, jitter, loss }: LatencyReport): string {
  const { latency } = texts()
  if (p50 === null) return latency.none
  const parts = [latency.detail(number(p50, 1))]
  if (jitter !== null) parts.push(latency.jitter(number(jitter, 1)))
  return [...parts, latency.lost(Math.round(loss * 100))].join(', ')
}

/** Why WebTransport is not used; empty when it is. */
export function routeReason(route: Route): string {
  const { transport } = texts()
  if (route.type === 'webtransport') return ''
  switch (route.reason) {
    case 'unsupported':
      return transport.unsupported
    case 'not-offered':
      return transport.notOffered
    case 'udp-blocked':
      return transport.udpBlocked
  }
}

/** A day and time in the words of the language in use. */
export function timeText(epochMs: number): string {
  const form = { weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' } as const
  return new Date(epochMs).toLocaleString(language(), form)
}

/** A day, short. */
export function dayText(epochMs: number): string {
  return new Date(epochMs).toLocaleDateString(language(), { day: 'numeric', month: 'short' })
}

export function number(value: number, digits: number): string {
  return value.toLocaleString(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A size of data, in whole kilobytes: what is a little more than a limit is not shown as equal to it. */
export function sizeText(bytes: number): string {
  return texts().files.kilobytes(number(Math.ceil(bytes / 1000), 0))
}

/** Why a change was not made. */
export function excessText(excess: Excess): string {
  const { files } = texts()
  if (excess.type === 'text') return files.textTooLarge(sizeText(excess.bytes), sizeText(excess.most))
  return files.pasteTooLarge(sizeText(excess.bytes), sizeText(MAX_CHANGE_BYTES))
}

/** Names as one says them: “Ada, Grace and Alan”. */
export function namesText(names: string[]): string {
  return new Intl.ListFormat(language(), { type: 'conjunction' }).format(names)
}
