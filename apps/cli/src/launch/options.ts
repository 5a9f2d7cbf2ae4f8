/** What a launch is asked for, and what it needs around it. */
export interface LaunchOptions {
  readonly mesh?: string | undefined
  readonly name?: string | undefined
  readonly role?: string | undefined
  readonly groups?: readonly string[] | undefined
  readonly resume?: string | undefined
  readonly continue?: boolean | undefined
  /** Absent: as it was the last time, else `push`. */
  readonly deliver?: 'push' | 'inbox' | 'off' | undefined
  /** Ask no permission for the mesh tools. */
  readonly yes: boolean
  /** No terminal: turns come from stdin as JSON lines, and from the mesh; it lives until it is ended. */
  readonly headless: boolean
  /** Arguments for `claude`, as they are. */
  readonly claude: readonly string[]
}

/** What launch needs around it: the daemon, its home, and the environment `claude` shall see. */
export interface LaunchPlace {
  /** Asks the daemon; throws `MeshError`. */
  readonly call: (
    route: 'openSession' | 'closeSession',
    request: { params?: Record<string, string>; body?: unknown },
  ) => Promise<unknown>
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly warn: (line: string) => void
}
