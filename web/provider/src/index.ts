/** A Yjs provider over WebTransport for collab servers. Start at {@link CollabProvider}. */

export { CollabProvider, TEXT_NAME } from './provider'
export type { ProviderEvents, ProviderOptions, Self } from './provider'
export { memberColour } from './core/colour'
export type { Clock } from './core/clock'
export type { LatencyReport } from './core/latency'
export type { SaveState, SaveStatus } from './core/save-status'
export type { Status } from './core/status'
export type { Session, SessionHandlers, Transport } from './transport/transport'
export { WebTransportTransport } from './transport/web-transport'
export { Code, isPermanent } from './wire/code'
export type { Credential, Durability, MemberInfo, Policy, Role } from './wire/frames'
export * from './wire/limits'
