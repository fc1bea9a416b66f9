import { ApiError, request } from '../../shared/api'

/**
 * Has the server turn Markdown into HTML that is safe to show.
 * @param token the resume token of a room: only members may ask
 * @throws {ApiError} for a refusal; other errors mean that the server was not reached.
 */
export async function render(markdown: string, token: string, signal?: AbortSignal): Promise<string> {
  const { html } = await request<{ html: string }>('/api/preview', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ markdown }),
    ...(signal ? { signal } : {}),
  })
  return html
}

/** Whether the server asks for a moment's patience. */
export function isTooSoon(error: unknown): boolean {
  return error instanceof ApiError && error.status === 429
}

/** Whether the server will not render a text of this size. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof ApiError && error.status === 413
}
