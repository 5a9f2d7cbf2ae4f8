/** The files that deploy the broker, held to what it has: commands, paths, ports, user, variables, times. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TIMES } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import { noBackplane } from '../src/backplane/news.ts'
import { environment, readSettings } from '../src/settings.ts'
import { openMetrics } from '../src/telemetry/metrics.ts'
import { dockerfile, ROOT } from './dockerfile.ts'
import { testBroker } from './test-broker.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const compose = Bun.YAML.parse(read('compose.yaml')) as {
  services: {
    broker: {
      environment: Record<string, string>
      ports: string[]
      volumes: string[]
      stop_grace_period: string
    }
    postgres: { command: string[] }
  }
}
const fly = Bun.TOML.parse(read('fly.toml')) as {
  env: Record<string, string>
  deploy: { release_command: string }
  http_service: { internal_port: number; concurrency: { hard_limit: number }; checks: { path: string }[] }
  kill_timeout: number
  kill_signal: string
}
const railway = JSON.parse(read('railway.json')) as {
  build: object
  deploy: { healthcheckPath: string; drainingSeconds: number }
}
const unit = read('deploy/claudemesh-broker.service')
const unitValue = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''

const PORT = environment.parse({}).BROKER_PORT
/** main.ts is gone after this long whatever hangs, s; a host that kills earlier cuts a drain short. */
const LAST_S = 10
const known = (names: string[]) => names.filter(name => !(name in environment.shape))

afterAll(stopSharedPostgres)

test('every path the broker is asked for when it is deployed is one it answers', async () => {
  const broker = await testBroker()
  const paths = [
    dockerfile.health().match(/\/(?:ready|live|health)\b/)![0],
    fly.http_service.checks[0]!.path,
    railway.deploy.healthcheckPath,
  ]
  for (const path of paths)
    expect((await fetch(`http://127.0.0.1:${broker.port}${path}`)).status, path).toBe(200)
  await broker.stop()
})

describe('the image', () => {
  test('runs the file that is the process, as nobody who owns anything, on the default port', () => {
    expect(dockerfile.command()).toEqual(['bun', 'src/main.ts'])
    expect(existsSync(join(ROOT, 'apps/broker', dockerfile.command()[1]!))).toBe(true)
    expect(dockerfile.last('WORKDIR')).toBe('/app')
    expect(dockerfile.last('USER')).toBe('65532:65532')
    expect(dockerfile.text).toContain(`--chown=${dockerfile.last('USER')}`)
    expect(dockerfile.last('EXPOSE')).toBe(String(PORT))
    expect(dockerfile.last('STOPSIGNAL')).toBe('SIGTERM')
    expect(dockerfile.health()).toContain(`?? ${PORT}`)
  })

  test('sets what the broker knows', () => {
    expect(known(Object.keys(dockerfile.environment()))).toEqual([])
    expect(dockerfile.environment().HOST).toBe('0.0.0.0')
  })

  test('is built with the package manager of the workspace, from its lockfile', () => {
    const { packageManager } = JSON.parse(read('package.json')) as { packageManager: string }
    const major = packageManager.slice(0, packageManager.indexOf('.'))
    for (const step of dockerfile.runs().filter(one => one.includes('pnpm')))
      expect(step).toContain(` ${major} `)
    expect(dockerfile.runs().join('\n')).toContain('--frozen-lockfile')
  })
})

test('compose gives the broker what it needs, and closes the rest', () => {
  const { broker, postgres } = compose.services
  const variables = broker.environment
  expect(known(Object.keys(variables))).toEqual([])
  const given = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, value.replace(/\$\{[^}]*\}/g, 'filled')]),
  )
  expect(readSettings(given)).toMatchObject({ MESH_CREATE: 'token', TRUST_PROXY: 'yes' })
  expect(broker.ports).toEqual([`127.0.0.1:${PORT}:${PORT}`])
  expect(broker).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
  expect(broker.volumes).toEqual([`keys:${variables.BROKER_KEY_FILE!.replace(/\/[^/]*$/, '')}`])
  expect(Number.parseInt(broker.stop_grace_period, 10)).toBeGreaterThan(LAST_S)
  expect(postgres.command.join(' ')).not.toMatch(/fsync|synchronous_commit|full_page_writes/)
})

test('fly.toml: the port, the variables, the command before a release, time to drain', () => {
  const { env, deploy, http_service: service, kill_timeout, kill_signal } = fly
  expect(known(Object.keys(env))).toEqual([])
  const given = { DATABASE_URL: 'postgres://x', MESH_CREATE_TOKEN: 'x', ...env }
  expect(readSettings(given)).toMatchObject({ TRUST_PROXY: 'fly' })
  expect(service.internal_port).toBe(PORT)
  expect(deploy.release_command).toBe(`${dockerfile.command().join(' ')} migrate`)
  expect(kill_signal).toBe('SIGTERM')
  expect(kill_timeout).toBeGreaterThan(LAST_S)
  expect(service.concurrency.hard_limit).toBeLessThanOrEqual(18_000)
})

test('railway.json builds the same image and gives it time to drain', () => {
  expect(railway.build).toEqual({ builder: 'DOCKERFILE', dockerfilePath: 'Dockerfile' })
  expect(railway.deploy.drainingSeconds).toBeGreaterThan(LAST_S)
})

test('the systemd unit runs what a checkout has, and gives it time to drain', () => {
  const [program, entry] = unitValue('ExecStart').split(' ')
  const home = unitValue('WorkingDirectory')
  expect(existsSync(program!.replace(home, ROOT))).toBe(true)
  expect(existsSync(join(ROOT, entry!))).toBe(true)
  expect(Number(unitValue('TimeoutStopSec'))).toBeGreaterThan(LAST_S)
  const variables = [...unit.matchAll(/^Environment=(\w+)=/gm)].map(one => one[1]!)
  expect(known(variables)).toEqual([])
  expect(unit).toContain(`BROKER_KEY_FILE=/var/lib/${unitValue('StateDirectory')}/`)
})

test('the proxies dial its port and wait longer than a socket may be silent', () => {
  const nginx = read('deploy/nginx.conf')
  expect(nginx).toContain(`proxy_pass http://127.0.0.1:${PORT};`)
  expect(read('deploy/Caddyfile')).toContain(`reverse_proxy 127.0.0.1:${PORT} `)
  for (const [, seconds] of nginx.matchAll(/proxy_(?:read|send)_timeout (\d+)s/g))
    expect(Number(seconds) * 1000).toBeGreaterThan(TIMES.silenceMs)
})

test('the dashboard and the alerts ask for metrics that are there', async () => {
  const none = () => 0
  const metrics = openMetrics({
    connections: none,
    attachments: none,
    waiting: none,
    queued: async () => 0,
    nodes: none,
    backplane: noBackplane,
  })
  metrics.refused('any')
  const told = await metrics.text()
  const dashboard = JSON.parse(read('deploy/grafana-dashboard.json')) as {
    panels: { targets: { expr: string }[] }[]
  }
  const alerts = Bun.YAML.parse(read('deploy/prometheus-alerts.yaml')) as {
    groups: { rules: { expr: string }[] }[]
  }
  const asked = [
    ...dashboard.panels.flatMap(panel => panel.targets),
    ...alerts.groups.flatMap(group => group.rules),
  ].flatMap(({ expr }) => expr.match(/claudemesh_\w+/g) ?? [])
  expect(asked.length).toBeGreaterThan(15)
  for (const name of asked) expect(told, name).toMatch(new RegExp(`^${name}[ {]`, 'm'))
})

test('docs/self-hosting.md names settings and files that exist', () => {
  const text = read('docs/self-hosting.md')
  const variables = [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)[`=]/g)].map(one => one[1]!)
  expect(variables.length).toBeGreaterThan(5)
  expect(known(variables)).toEqual([])
  for (const [, path] of text.matchAll(/\]\(([^)#]+)/g))
    expect(existsSync(join(ROOT, 'docs', path!)), path).toBe(true)
})
