import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hooksInstalled, readSettings, withHooks, withoutHooks } from '../src/index.ts'

const PROGRAM = ['/b u n', "/it's/hook.ts"] as const
const put = (text: string): string => withHooks(text, { hook: PROGRAM, waker: ['/wake'] }, 3)
const EVENTS = ['PostToolUse', 'SessionEnd', 'SessionStart', 'Stop', 'UserPromptSubmit']

describe('our hooks in a settings file', () => {
  test('are put in once, known again, and never for WorktreeCreate', () => {
    const text = put('{}\n')
    expect([...hooksInstalled(text).keys()].sort()).toEqual(EVENTS)
    expect(readSettings(text).hooks?.Stop).toEqual([
      {
        hooks: [
          {
            type: 'command',
            command: `'/b u n' '/it'\\''s/hook.ts' '--installed-by-claudemesh'`,
            timeout: 3,
          },
          {
            type: 'command',
            command: `[ "$CLAUDE_CODE_ENTRYPOINT" != cli ] || exec '/wake' '--installed-by-claudemesh'`,
            asyncRewake: true,
            timeout: 86_400,
          },
        ],
      },
    ])
    expect(put(text)).toBe(text)
    const moved = withHooks(text, { hook: ['/elsewhere'], waker: ['/wake'] }, 3)
    expect(readSettings(moved).hooks?.Stop).toHaveLength(1)
    expect(hooksInstalled(moved).get('Stop')?.[0]).toContain('/elsewhere')
  })

  test('leave every other entry as it is written, and their own hooks beside ours', () => {
    const own = [
      '{',
      '\t"model": "opus",  "big": 1e3,',
      '\t"hooks": {',
      '\t\t"Stop": [ { "matcher": "", "hooks": [ {"type":"command","command":"say done"} ] } ],',
      '\t\t"PreToolUse": []',
      '\t},',
      '\t"permissions": { "allow": ["Bash(ls:*)" , "Read" ] }',
      '}',
      '',
    ].join('\n')
    const text = put(own)
    for (const line of own.split('\n').slice(1, 2)) expect(text).toContain(line)
    expect(text).toContain('"allow": ["Bash(ls:*)" , "Read" ]')
    expect(text).toContain('{ "matcher": "", "hooks": [ {"type":"command","command":"say done"} ] }')
    expect(readSettings(text).hooks?.Stop).toHaveLength(2)
    expect(readSettings(withoutHooks(text))).toEqual(readSettings(own))
    expect(withoutHooks(text)).toContain('"model": "opus",  "big": 1e3,')
  })

  test('are taken out of a group that the user put more into', () => {
    const text = put('{}')
    const both = text.replace('"hooks": [', '"hooks": [{"type":"command","command":"mine"},')
    expect([...hooksInstalled(both).keys()].sort()).toEqual(EVENTS)
    const left = readSettings(withoutHooks(both)).hooks
    expect(Object.values(left ?? {})).toEqual([[{ hooks: [{ type: 'command', command: 'mine' }] }]])
  })

  test.each([
    ['{ // a remark\n}', /JSON/],
    ['{"a":1,}', /JSON/],
    ['[]', /whole/],
    ['{"hooks":[]}', /hooks/],
    ['{"hooks":{"Stop":{}}}', /hooks\.Stop/],
    ['{"hooks":{"Stop":[{"hooks":"x"}]}}', /hooks\.Stop\.0\.hooks/],
  ])('are not put into %s, which the client would not load', (text, why) => {
    expect(() => put(text)).toThrow(why)
  })

  test('come and go and leave any settings what they were', () => {
    const key = fc
      .string({ minLength: 1, maxLength: 8 })
      .filter(name => !['__proto__', 'hooks'].includes(name))
    const one = fc.record({ type: fc.constant('command'), command: fc.string({ maxLength: 12 }) })
    const groups = fc.array(fc.record({ hooks: fc.array(one, { maxLength: 2 }) }), {
      minLength: 1,
      maxLength: 2,
    })
    const any = fc.record({
      other: fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4, noNullPrototype: true }),
      hooks: fc.dictionary(fc.constantFrom('Stop', 'PreToolUse', 'SessionStart'), groups, {
        minKeys: 1,
        maxKeys: 3,
        noNullPrototype: true,
      }),
      indent: fc.constantFrom(0, 2, 4, '\t'),
    })
    const check = fc.property(any, ({ other, hooks, indent }) => {
      const before = JSON.stringify({ ...other, hooks }, null, indent)
      const after = put(before)
      expect([...hooksInstalled(after).keys()].sort()).toEqual(EVENTS)
      expect(JSON.parse(withoutHooks(after))).toEqual(JSON.parse(before))
    })
    fc.assert(check, { numRuns: 60, seed: 4 })
  })

  test.each([
    ['{"hooks":{},"hooks":{}}', 'hooks'],
    ['{"hooks":"opus","a":1,"hooks":{}}', 'hooks'],
    ['{"hooks":{"Stop":[],"Stop":[{"hooks":[]}]}}', 'hooks.Stop'],
    ['{"hooks":{"Stop":[{"hooks":[]},{"hooks":[],"hooks":[]}]}}', 'hooks.Stop.1.hooks'],
  ])('are neither put into nor taken out of %s, which says %s twice', (text, name) => {
    expect(() => put(text)).toThrow(`${name}: stands there twice`)
    expect(() => withoutHooks(text)).toThrow(`${name}: stands there twice`)
  })

  test('what stands twice elsewhere is left as it is', () => {
    const text = '{"model":"a","model":"b","hooks":{"Stop":[{"matcher":"","matcher":"","hooks":[]}]}}'
    expect(withoutHooks(put(text))).toBe(text)
  })
})
