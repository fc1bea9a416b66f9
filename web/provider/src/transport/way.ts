import type { ServerInfo } from './server-info.ts'
import type { Pipe, PipeHandlers } from './transport.ts'

/** One way to a server. */
export interface Way {
  /**
   * @param signal gives up the attempt, or closes what came of it
   * @throws when no connection came about
   */
  open(info: ServerInfo, handlers: PipeHandlers, signal: AbortSignal): Promise<Pipe>
}
