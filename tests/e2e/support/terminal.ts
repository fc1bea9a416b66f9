import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const TARGET = resolve(import.meta.dirname, '../../../target/debug')
const BINARY = process.env['COLLAB_CLI_BIN'] ?? join(TARGET, 'collab-cli')
const CONTROL_Q = '\x11'

/** Where a server is found, and whose home it is found from. */
export interface Place {
  readonly directory: string
  readonly url: string
}

/** Runs a command to its end and gives what it printed. */
export async function cli(server: Place, password: string, arguments_: string[], input = ''): Promise<string> {
  const child = spawn(BINARY, arguments_, { env: environment(server, password), stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`collab-cli ${arguments_.join(' ')} ended with ${String(code)}`)
  return output
}

/** `collab-cli join` in a terminal of its own. */
export class Terminal {
  readonly #process: ChildProcess
  #screen = ''
  #watchers = new Set<() => void>()

  constructor(server: Place, password: string, room: string) {
    const command = `stty rows 24 cols 80; exec ${BINARY} --name Terminal join ${room}`
    const env = { ...environment(server, password), TERM: 'xterm-256color' }
    this.#process = spawn('script', ['-qfec', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      this.#screen += chunk.toString()
      for (const watcher of this.#watchers) watcher()
    })
  }

  /** Waits until something was drawn. */
  async shows(text: string): Promise<void> {
    if (this.#screen.includes(text)) return
    await new Promise<void>((resolve, reject) => {
      const watcher = (): void => {
        if (!this.#screen.includes(text)) return
        this.#watchers.delete(watcher)
        resolve()
      }
      this.#watchers.add(watcher)
      this.#process.once('exit', () => reject(new Error(`the terminal ended before it showed ${text}`)))
    })
  }

  type(text: string): void {
    this.#process.stdin?.write(text)
  }

  async leave(): Promise<void> {
    this.type(CONTROL_Q)
    if (this.#process.exitCode === null) await once(this.#process, 'exit')
  }

  /** Waits until it has ended by itself: everything that was drawn. */
  async ended(): Promise<string> {
    if (this.#process.exitCode === null) await once(this.#process, 'close')
    return this.#screen
  }

  /** Ends the editor itself as a power cut does. */
  async crash(): Promise<void> {
    const { pid } = this.#process
    const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').trim().split(' ')
    for (const child of children) process.kill(Number(child), 'SIGKILL')
    await this.ended()
  }

  /** Ends it at once; does nothing when it has ended. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }
}

function environment(server: Place, password: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: server.directory,
    COLLAB_URL: server.url,
    COLLAB_PASSWORD: password,
    LANG: 'C.UTF-8',
  }
}
