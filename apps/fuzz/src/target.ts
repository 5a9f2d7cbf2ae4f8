/** What is fuzzed: a reader of something from outside. */

export interface Target {
  readonly name: string
  /** Form of its inputs: changed as text of JSON where they are some, else as bytes. */
  readonly form: 'bytes' | 'json' | 'text'
  /** Largest input, bytes; default 64 KiB. */
  readonly mostBytes?: number
  /** Share of the inputs of a whole run, beside 1 for most: what goes over a socket is slower. */
  readonly weight?: number
  /** Called once before the first input; what it answers is called at the end. */
  start?(): Promise<() => Promise<void>>
  /**
   * Reads one input, and checks what must hold of the value. The answer says in a few words what came of it: an input that gives
   * a new answer is kept and changed further. Throws a `MeshError` for what it refuses; any other error is a finding.
   */
  read(input: Uint8Array): string | Promise<string>
}
