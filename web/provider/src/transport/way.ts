import type { ServerInfo } from './server-info'
import type { Pipe, PipeHandlers } from './transport'

/** One way to a server. */
export interface Way {
  /**
   * @param signal gives up the attempt, or closes what came of it
   * @throws when no connection came about
   */
  open(info: ServerInfo, handlers: PipeHandlers, signal: AbortSignal): Promise<Pipe>
}
