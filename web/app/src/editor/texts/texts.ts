import type { english } from './english'

/** What a dictionary must have: the keys of the English one, with texts, or with functions of the same arguments. */
export type Texts = Translation<typeof english>

type Translation<T> = {
  readonly [K in keyof T]: T[K] extends string ? string : T[K] extends (...args: infer A) => string ? (...args: A) => string : Translation<T[K]>
}
