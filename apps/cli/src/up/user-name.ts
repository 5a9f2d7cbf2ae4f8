/** What a person is called in a mesh until she says otherwise: her user name here, fit to be an address. */
import { readFileSync } from 'node:fs'

/** `os.userInfo()` of Bun knows the environment alone; a service or a container often has no USER there. */
export function userName(env: NodeJS.ProcessEnv = process.env, uid = process.getuid?.() ?? -1): string {
  const name = (env.USER || env.LOGNAME || passwdName(uid) || 'me').replace(/[/,@\s]+/g, '-')
  return name.slice(0, 64)
}

function passwdName(uid: number): string | undefined {
  try {
    const rows = readFileSync('/etc/passwd', 'utf8').split('\n')
    return rows.map(row => row.split(':')).find(fields => fields[2] === String(uid))?.[0]
  } catch {
    return undefined
  }
}
