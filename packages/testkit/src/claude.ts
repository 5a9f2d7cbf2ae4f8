/** A real `claude` for tests: headless or as TUI under a tmux of its own, always in a scratch home, never with a real key. */
import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const STUB_KEY = 'sk-ant-stub-000'

/** Path of the real client: `CLAUDE_BIN`, else a `claude` on PATH; without one the end-to-end tests are skipped. */
export function claudeForTests(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.CLAUDE_BIN !== undefined && existsSync(env.CLAUDE_BIN)) return env.CLAUDE_BIN
  const folders = (env.PATH ?? '').split(delimiter).filter(folder => folder !== '')
  return folders.map(folder => join(folder, 'claude')).find(existsSync)
}

/** Scratch folders of one user on one machine, and the only environment its processes see. */
export interface ScratchHome {
  readonly root: string
  readonly home: string
  /** Working directory, trusted by the client. */
  readonly cwd: string
  readonly env: Record<string, string>
  remove(): void
}

/** Makes a scratch home whose `claude` talks to the model stand-in at `modelUrl`. Paths are short: sockets live there. */
export function makeScratchHome(modelUrl: string): ScratchHome {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'cm-')))
  const folder = (name: string): string => {
    mkdirSync(join(root, name), { mode: 0o700 })
    return join(root, name)
  }
  const home = folder('h')
  const cwd = folder('work')
  mkdirSync(join(home, '.claude', 'sessions'), { recursive: true, mode: 0o700 })
  const settings = {
    hasCompletedOnboarding: true,
    customApiKeyResponses: { approved: [STUB_KEY], rejected: [] },
    projects: { [cwd]: { hasTrustDialogAccepted: true } },
  }
  writeFileSync(join(home, '.claude.json'), JSON.stringify(settings), { mode: 0o600 })
  const env = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: home,
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    XDG_RUNTIME_DIR: folder('r'),
    TMPDIR: folder('t'),
    ANTHROPIC_API_KEY: STUB_KEY,
    ANTHROPIC_BASE_URL: modelUrl,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_TELEMETRY: '1',
  }
  return { root, home, cwd, env, remove: () => rmSync(root, { recursive: true, force: true }) }
}

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end in the scratch home, with nothing of this machine's environment. */
export function runIn(at: ScratchHome, command: readonly string[], input = ''): Promise<Finished> {
  const { promise, resolve, reject } = Promise.withResolvers<Finished>()
  const child = spawn(command[0]!, command.slice(1), { cwd: at.cwd, env: at.env, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => (stdout += chunk))
  child.stderr.on('data', chunk => (stderr += chunk))
  child.on('error', reject)
  child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return promise
}

/** A program on a terminal of its own. */
export interface Terminal {
  /** Resolves when the visible screen matches; rejects with the screen after `timeoutMs`, and where the program ends with what it wrote last. */
  shows(pattern: RegExp, timeoutMs?: number): Promise<string>
  /** Types a prompt of one or more lines and submits it once it stands on the screen: what comes at once counts as a paste. */
  submit(text: string): Promise<void>
  /** Presses keys by tmux's names (`Enter`, `Escape`, `C-c`, …). */
  press(...keys: string[]): void
  /** Presses a key until the screen no longer shows the pattern: a dialog that was just drawn anew swallows keys. */
  pressAway(key: string, pattern: RegExp): Promise<void>
  screen(): string
  /** Resolves when the program has ended and its terminal with it. */
  ended(timeoutMs?: number): Promise<void>
  close(): Promise<void>
}

/** What is kept of a program's output, to be shown where it ended too early, characters. */
const LAST_WORDS = 2000
/** How often a key is pressed again, ms. */
const KEY_MS = 500
let terminals = 0

/** Starts a command under a tmux server of its own (`tmux -L`), 200 columns by 50 lines. Follows its output by control mode. */
export function openTerminal(at: ScratchHome, command: readonly string[]): Terminal {
  const name = `cm${process.pid}-${terminals++}`
  const env = { ...at.env, TMUX_TMPDIR: at.env.TMPDIR! }
  const tmux = (...args: string[]): string => {
    const done = spawnSync('tmux', ['-L', name, '-f', '/dev/null', ...args], {
      cwd: at.cwd,
      env,
      encoding: 'utf8',
    })
    if (done.status !== 0) throw new Error(`tmux ${args[0]}: ${done.stderr.trim()}`)
    return done.stdout
  }
  tmux('new-session', '-d', '-x', '200', '-y', '50', '-c', at.cwd, '--', ...command)
  const control = spawn('tmux', ['-L', name, '-C', 'attach'], {
    cwd: at.cwd,
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  // Read on even when nobody looks: a server whose client is full does not end.
  let wrote = ''
  control.stdout.on('data', chunk => (wrote = `${wrote}${chunk}`.slice(-LAST_WORDS)))
  const gone = new Promise<void>(resolve => control.on('close', () => resolve()))
  const screen = (): string => {
    try {
      return tmux('capture-pane', '-p')
    } catch {
      return ''
    }
  }
  const seen = (pattern: RegExp, timeoutMs: number): Promise<string> =>
    until(
      () => {
        const now = screen()
        return pattern.test(now) ? now : undefined
      },
      look => {
        control.stdout.on('data', look)
        return () => control.stdout.off('data', look)
      },
      timeoutMs,
      () => `the screen never showed ${pattern}:\n${screen()}`,
    )
  const shows = (pattern: RegExp, timeoutMs = 30_000): Promise<string> => {
    const over = gone.then(() => {
      throw new Error(`it ended and never showed ${pattern}; its terminal's last words:\n${wrote}`)
    })
    return Promise.race([seen(pattern, timeoutMs), over])
  }
  return {
    screen,
    press: (...keys) => void tmux('send-keys', ...keys),
    async pressAway(key, pattern) {
      await until(
        () => {
          if (!pattern.test(screen())) return true
          tmux('send-keys', key)
          return undefined
        },
        look => {
          const again = setInterval(look, KEY_MS)
          return () => clearInterval(again)
        },
        30_000,
        () => `the screen still shows ${pattern}:\n${screen()}`,
      )
    },
    async submit(text) {
      for (const [n, line] of text.split('\n').entries()) {
        if (n > 0) tmux('send-keys', 'M-Enter')
        tmux('send-keys', '-l', line)
      }
      const end = text.slice(-40).split('\n').at(-1)!
      await shows(new RegExp(end.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
      tmux('send-keys', 'Enter')
    },
    shows,

    ended: timeoutMs => within(gone, timeoutMs ?? 30_000, () => `still running:\n${screen()}`),
    async close() {
      spawnSync('tmux', ['-L', name, 'kill-server'], { env })
      await gone
    },
  }
}

/** A file of `~/.claude/sessions`, as the client wrote it. */
export interface SessionFile {
  pid: number
  sessionId: string
  status?: string
  messagingSocketPath?: string
}

/** The first sessions file that `wanted` accepts, now or when it appears. */
export function sessionFile(
  at: ScratchHome,
  wanted: (file: SessionFile) => boolean,
  timeoutMs = 30_000,
): Promise<SessionFile> {
  const folder = join(at.home, '.claude', 'sessions')
  const all = (): SessionFile[] =>
    readdirSync(folder)
      .filter(name => name.endsWith('.json'))
      .flatMap(name => {
        try {
          return [JSON.parse(readFileSync(join(folder, name), 'utf8')) as SessionFile]
        } catch {
          return []
        }
      })
  return until(
    () => all().find(wanted),
    look => {
      const watcher = watch(folder, look)
      return () => watcher.close()
    },
    timeoutMs,
    () => `no such sessions file; there are ${JSON.stringify(all())}`,
  )
}

/** Resolves with the first value that `look` finds, tried now and at every event of `subscribe`. */
export function until<T>(
  look: () => T | undefined,
  subscribe: (onEvent: () => void) => () => void,
  timeoutMs: number,
  why: () => string,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const attempt = (): void => {
    const found = look()
    if (found !== undefined) resolve(found)
  }
  const unsubscribe = subscribe(attempt)
  const timer = setTimeout(() => {
    attempt()
    reject(new Error(why()))
  }, timeoutMs)
  attempt()
  return promise.finally(() => {
    clearTimeout(timer)
    unsubscribe()
  })
}

/** The promise, or an error that says why after `timeoutMs`. */
export function within<T>(promise: Promise<T>, timeoutMs: number, why: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(why())), timeoutMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
