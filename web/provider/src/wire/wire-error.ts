/** The bytes are not what the protocol says. */
export class WireError extends Error {
  override name = 'WireError'
}
