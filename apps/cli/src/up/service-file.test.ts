import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeService, writeService } from './service-file.ts'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cm-service-'))
})
afterEach(() => {
  rmSync(home, { recursive: true })
})

test.skipIf(process.platform !== 'linux')('a systemd unit runs this very program on this very home', () => {
  const { file, next } = writeService('/home/al ice/100% $mesh', { HOME: home })
  expect(file).toBe(join(home, '.config/systemd/user/claudemesh.service'))
  expect(next).toContain('systemctl --user enable --now claudemesh.service')
  const unit = readFileSync(file, 'utf8')
  expect(unit).toMatch(/^ExecStart="[^"]+" .*"[^"]+start\.ts" "daemon" "run"$/m)
  expect(unit).toContain('Environment="CLAUDEMESH_HOME=/home/al ice/100%% $mesh"')
  expect(removeService({ HOME: home })).toMatchObject({ file, removed: true })
  expect(removeService({ HOME: home })).toMatchObject({ removed: false })
})
