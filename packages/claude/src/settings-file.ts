/** Our hooks in a settings.json of Claude Code (2.1.329): put in and taken out without touching anything else in it. */
import { parseAs } from '@claudemesh/protocol'
import {
  applyEdits,
  type FormattingOptions,
  findNodeAtLocation,
  type JSONPath,
  modify,
  type Node,
  parseTree,
} from 'jsonc-parser'
import { z } from 'zod'
import { HOOKS_USED } from './hooks-used.ts'
import { wakerAt } from './plugin-files.ts'
import { settingsJson } from './settings-place.ts'
import { type Command, shellCommand } from './shell-command.ts'

/** The last word of every command of ours: how it is known again, wherever this program lies then. */
export const INSTALLED = '--installed-by-claudemesh'

const hook = z.looseObject({ type: z.string().optional(), command: z.string().optional() })
const settings = z.looseObject({
  hooks: z.record(z.string(), z.array(z.looseObject({ hooks: z.array(hook) }))).optional(),
  disableAllHooks: z.boolean().optional(),
  allowManagedHooksOnly: z.boolean().optional(),
  statusLine: z.looseObject({ type: z.string().optional(), command: z.string().optional() }).optional(),
})
export type ClaudeSettings = z.output<typeof settings>

/** What stands in a settings file: `{}` for an empty one. Throws an `Error` that says what is wrong; the client takes no comments. */
export function readSettings(text: string): ClaudeSettings {
  const parsed = parseAs(settings, settingsJson(text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`${issue?.path.join('.') || 'the whole'}: ${issue?.message}`)
}

const isOurs = ({ command }: z.output<typeof hook>): boolean => command?.includes(`'${INSTALLED}'`) === true

/** Events of a settings file that have hooks of ours, with their commands. */
export function hooksInstalled(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [event, groups] of Object.entries(readSettings(text).hooks ?? {}))
    for (const each of groups.flatMap(({ hooks }) => hooks))
      if (isOurs(each)) found.set(event, [...(found.get(event) ?? []), each.command!])
  return found
}

/** What is run at each event, and what waits to wake an idle session. */
export interface InstalledPrograms {
  readonly hook: Command
  readonly waker: Command
}

/** The same settings with these programs run at the events we use; unchanged where they stand so already. Throws as `withoutHooks`. */
export function withHooks(text: string, { hook, waker }: InstalledPrograms, timeout: number): string {
  refuseTwice(text)
  const command = shellCommand([...hook, INSTALLED])
  const hooksAt = (event: string) => [
    { type: 'command', command, timeout },
    ...wakerAt(event, shellCommand([...waker, INSTALLED])),
  ]
  const installed = hooksInstalled(text)
  const stands = (event: string): boolean =>
    installed.get(event)?.join('\n') ===
    hooksAt(event)
      .map(each => each.command)
      .join('\n')
  if (installed.size === HOOKS_USED.length && HOOKS_USED.every(stands)) return text
  const without = withoutHooks(text)
  const base = ['', '{}'].includes(without.replace(/\s/g, '')) ? '{\n}\n' : without
  const put = (format?: FormattingOptions): string =>
    HOOKS_USED.reduce((so, event) => edit(so, ['hooks', event, -1], { hooks: hooksAt(event) }, format), base)
  // Laid out for a reader where that touches nothing of the user's own, else on one line.
  const laidOut = put(formatOf(base))
  return withoutHooks(laidOut) === base ? laidOut : put()
}

/**
 * The same settings without anything of ours, and without what is empty for its going. Throws as `readSettings`, and where a name
 * on the way to a hook stands twice: the client takes the last one, and which of them to edit is not ours to say.
 */
export function withoutHooks(text: string): string {
  refuseTwice(text)
  let next = text
  for (const event of hooksInstalled(text).keys()) {
    const groups = readSettings(next).hooks![event]!
    const left = groups.filter(group => !group.hooks.every(isOurs) || group.hooks.length === 0)
    for (const [n, group] of [...groups.entries()].reverse())
      if (!left.includes(group)) next = withoutItem(next, ['hooks', event], n)
      else
        for (const [m, each] of [...group.hooks.entries()].reverse())
          if (isOurs(each)) next = withoutItem(next, ['hooks', event, n, 'hooks'], m)
    if (left.length === 0) next = edit(next, ['hooks', event], undefined)
    if (Object.keys(readSettings(next).hooks!).length === 0) next = edit(next, ['hooks'], undefined)
  }
  return next
}

function refuseTwice(text: string): void {
  readSettings(text)
  const root = parseTree(text)
  const events = root && propertiesOf(root, '', isHooks).get('hooks')
  if (!events) return
  for (const [event, groups] of propertiesOf(events, 'hooks.', () => true))
    for (const [n, group] of (groups.children ?? []).entries())
      propertiesOf(group, `hooks.${event}.${n}.`, isHooks)
}

const isHooks = (name: string): boolean => name === 'hooks'

/** What an object says, by its names. Throws where one that `once` wants once stands there twice. */
function propertiesOf(object: Node, path: string, once: (name: string) => boolean): Map<string, Node> {
  const found = new Map<string, Node>()
  for (const { children: [key, value] = [] } of object.children ?? []) {
    const name = String(key?.value)
    if (found.has(name) && once(name))
      throw new Error(`${path}${name}: stands there twice; take out the one that is not wanted`)
    if (value) found.set(name, value)
  }
  return found
}

function edit(text: string, path: JSONPath, value: unknown, format?: FormattingOptions): string {
  return applyEdits(text, modify(text, path, value, format ? { formattingOptions: format } : {}))
}

/** One item of the array at `path` less, with its comma. (`modify` of jsonc-parser 3.3 breaks arrays that end on one line.) */
function withoutItem(text: string, path: JSONPath, index: number): string {
  const items = findNodeAtLocation(parseTree(text)!, path)!.children!
  const endOf = (n: number): number => items[n]!.offset + items[n]!.length
  const [from, to] =
    index > 0
      ? [endOf(index - 1), endOf(index)]
      : [items[0]!.offset, items.length > 1 ? items[1]!.offset : endOf(0)]
  return text.slice(0, from) + text.slice(to)
}

/** As the file is written already. */
function formatOf(text: string): FormattingOptions {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  }
}
