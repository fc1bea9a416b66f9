import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from './until'

const TARGET = resolve(import.meta.dirname, '../../../target/debug')
const BINARY = process.env['COLLAB_SERVER_BIN'] ?? join(TARGET, 'collab-server')

/** A real server on ports of its own, with a data directory of its own. */
export class Server {
  #process: ChildProcess

  private constructor(
    process: ChildProcess,
    readonly directory: string,
    /** Where its pages are. */
    readonly url: string,
    /** The UDP port of WebTransport. */
    readonly port: number,
  ) {
    this.#process = process
  }

  /** @param flags settings besides those of its place */
  static async start(flags: string[] = []): Promise<Server> {
    const directory = mkdtempSync(join(tmpdir(), 'collab-e2e-'))
    const { child, page, udp } = await launch(directory, 0, 0, flags)
    return new Server(child, directory, `http://127.0.0.1:${page}/`, udp)
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }

  /** Starts it again after {@link kill}, with its data and on its ports. */
  async restart(): Promise<void> {
    const { child } = await launch(this.directory, this.port, Number(new URL(this.url).port))
    this.#process = child
  }

  /** Starts it again after {@link kill}, on its ports, set up anew from a backup in an empty folder. */
  async restore(backup: string): Promise<void> {
    const data = join(this.directory, 'data')
    renameSync(data, `${data}-before`)
    const stdio = ['ignore', 'ignore', 'inherit'] as const
    const restoring = spawn(BINARY, ['restore', '--data', data, backup], { env: {}, stdio: [...stdio] })
    const [code] = (await once(restoring, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`restoring ended with ${String(code)}`)
    await this.restart()
  }

  get adminTokenFile(): string {
    return join(this.directory, 'data', 'admin-token')
  }

  get adminToken(): string {
    return readFileSync(this.adminTokenFile, 'utf8').trim()
  }

  /** Between {@link kill} and {@link restart}: it will make a new certificate, with a new key. */
  forgetCertificate(): void {
    for (const file of ['certificate.pem', 'certificate.key']) rmSync(join(this.directory, 'data', file))
  }

  /** Has it renew its certificate while it runs, and waits until it has. */
  async renewCertificate(): Promise<void> {
    const hashes = async (): Promise<string> => {
      const info = (await (await fetch(`${this.url}api/server`)).json()) as { certificate_hashes: string[] }
      return info.certificate_hashes.join()
    }
    const before = await hashes()
    this.#process.kill('SIGHUP')
    await until(hashes, (now) => now !== before)
  }

  /** How many entries of a kind its log has about a room. */
  async logged(room: string, kind: string): Promise<number> {
    const headers = { authorization: `Bearer ${this.adminToken}` }
    const page = await fetch(`${this.url}api/logs?room=${room}&kind=${kind}`, { headers })
    return ((await page.json()) as { entries: unknown[] }).entries.length
  }

  /** Creates a room, as anybody may: gives the owner token. */
  async createRoom(name: string, password: string): Promise<string> {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${this.url}api/rooms`, { method: 'POST', headers, body: JSON.stringify({ name, password }) })
    if (!response.ok) throw new Error(`creating ${name} was answered with ${response.status}`)
    return ((await response.json()) as { owner_token: string }).owner_token
  }

  /** Deletes a room, as an admin does. */
  async deleteRoom(room: string): Promise<void> {
    const headers = { authorization: `Bearer ${this.adminToken}` }
    const { status } = await fetch(`${this.url}api/rooms/${room}`, { method: 'DELETE', headers })
    if (status !== 204) throw new Error(`deleting ${room} was answered with ${status}`)
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    if (this.#process.exitCode === null) await once(this.#process, 'exit')
    rmSync(this.directory, { recursive: true })
  }
}

interface Launched {
  child: ChildProcess
  page: number
  udp: number
}

/** Starts a server on ports of the loopback; any, where they are zero. */
async function launch(directory: string, udpPort: number, pagePort: number, more: string[] = []): Promise<Launched> {
  const data = join(directory, 'data')
  const flags = ['--data', data, '--listen', `127.0.0.1:${udpPort}`, '--http', `127.0.0.1:${pagePort}`, ...more]
  // A clean environment: the server takes every COLLAB_ variable for a setting of its own.
  const env = { PATH: process.env['PATH'], HOME: directory }
  const child = spawn(BINARY, flags, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  return { child, ...(await greeting(child)) }
}

/** Reads the ports from the lines that a server begins with. */
async function greeting(child: ChildProcess): Promise<{ page: number; udp: number }> {
  if (!child.stdout) throw new Error('the server has no standard output')
  let page = 0
  let udp = 0
  for await (const line of createInterface({ input: child.stdout })) {
    page = Number(/^Page .*:(\d+)\//.exec(line)?.[1] ?? page)
    udp = Number(/^WebTransport .*?:(\d+)\//.exec(line)?.[1] ?? udp)
    if (page && udp) break
  }
  if (!page || !udp) throw new Error(`${BINARY} ended without saying where it listens`)
  child.stdout.resume()
  return { page, udp }
}
