/** A refusal over HTTP, as the server words it. */
export class ApiError extends Error {
  override name = 'ApiError'

  /**
   * @param code a number of the protocol's codes; 0 when the answer was not the server's own
   * @param status of the HTTP answer
   */
  constructor(
    readonly code: number,
    message: string,
    readonly status: number,
  ) {
    super(message)
  }
}

/**
 * Asks the server's JSON API.
 * @throws {ApiError} for a refusal; other errors mean that the server was not reached.
 */
export async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(path, { cache: 'no-store', ...init })
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok) throw refusal(response, body)
  return body as T
}

function refusal(response: Response, body: unknown): ApiError {
  const { code, message } = (body ?? {}) as { code?: number; message?: string }
  return new ApiError(code ?? 0, message ?? `The server answered with status ${response.status}.`, response.status)
}
