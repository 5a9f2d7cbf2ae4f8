/** The file that starts the daemon at login: a systemd user unit (systemd.service(5)) or a launchd agent (launchd.plist(5)). */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { selfCommand } from './self-command.ts'

const LABEL = 'dev.claudemesh.daemon'
const UNIT = 'claudemesh.service'

/** Writes it, naming this installation and `home`; `next` is the command that turns it on. */
export function writeService(
  home: string,
  env: NodeJS.ProcessEnv = process.env,
): { file: string; next: string } {
  const { file, on } = place(env)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, process.platform === 'darwin' ? plist(home) : unit(home), { mode: 0o644 })
  return { file, next: on }
}

/** Removes it; `next` is the command that turns off what still runs. */
export function removeService(env: NodeJS.ProcessEnv = process.env): {
  file: string
  removed: boolean
  next: string
} {
  const { file, off } = place(env)
  const removed = existsSync(file)
  rmSync(file, { force: true })
  return { file, removed, next: off }
}

function place(env: NodeJS.ProcessEnv): { file: string; on: string; off: string } {
  const home = env.HOME || homedir()
  if (process.platform === 'darwin') {
    const file = join(home, 'Library', 'LaunchAgents', `${LABEL}.plist`)
    return {
      file,
      on: `launchctl bootstrap gui/$(id -u) ${file}`,
      off: `launchctl bootout gui/$(id -u)/${LABEL}`,
    }
  }
  return {
    file: join(env.XDG_CONFIG_HOME || join(home, '.config'), 'systemd', 'user', UNIT),
    on: `systemctl --user daemon-reload && systemctl --user enable --now ${UNIT}`,
    off: `systemctl --user disable --now ${UNIT}`,
  }
}

function unit(home: string): string {
  return `[Unit]
Description=claudemesh daemon
After=network-online.target

[Service]
ExecStart=${selfCommand(['daemon', 'run'])
    .map(word => quoted(word).replaceAll('$', '$$$$'))
    .join(' ')}
Environment=${quoted(`CLAUDEMESH_HOME=${home}`)}
Restart=on-failure
RestartSec=2

[Install]
WantedBy=default.target
`
}

/** One word of a unit file: quotes and specifiers mean themselves. In ExecStart alone `$` has a meaning too, `$$` none. */
const quoted = (word: string): string =>
  `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`

function plist(home: string): string {
  const words = selfCommand(['daemon', 'run']).map(word => `    <string>${escaped(word)}</string>`)
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${words.join('\n')}
  </array>
  <key>EnvironmentVariables</key>
  <dict><key>CLAUDEMESH_HOME</key><string>${escaped(home)}</string></dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
</dict>
</plist>
`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
