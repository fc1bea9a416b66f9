/**
 * Looks again and again until a value is as wanted, and gives it.
 * @throws after `timeoutMs`, with the last value
 */
export async function until<T>(look: () => Promise<T>, wanted: (value: T) => boolean, timeoutMs = 30_000): Promise<T> {
  const end = Date.now() + timeoutMs
  for (;;) {
    const value = await look()
    if (wanted(value)) return value
    if (Date.now() > end) throw new Error(`not so after ${timeoutMs} ms: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
