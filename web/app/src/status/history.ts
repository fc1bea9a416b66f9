/** The last values of something, oldest first; a bounded number of them. */
export class History {
  readonly #values: number[] = []

  constructor(readonly size: number) {}

  add(value: number): void {
    this.#values.push(value)
    if (this.#values.length > this.size) this.#values.shift()
  }

  get values(): readonly number[] {
    return this.#values
  }
}
