/** `GET /api/server`: what must be known before a session is opened. */
export interface ServerInfo {
  version: string
  protocol: number
  /** The UDP port of WebTransport, on the same host. */
  webtransport_port: number | null
  /** SHA-256 of the certificates that may be met there, in hex; empty when the browser trusts them anyway. */
  certificate_hashes: string[]
  durability: 'disk' | 'quorum'
}

/**
 * Asks the server. Done before every session: it is cheap where a failed handshake is dear, for Chromium slows a page
 * down after some of them, and the certificate may have changed since.
 */
export async function fetchServerInfo(base: URL): Promise<ServerInfo> {
  const response = await fetch(new URL('/api/server', base), { cache: 'no-store', signal: AbortSignal.timeout(10_000) })
  if (!response.ok) throw new Error(`The server answered with status ${response.status}.`)
  return (await response.json()) as ServerInfo
}
