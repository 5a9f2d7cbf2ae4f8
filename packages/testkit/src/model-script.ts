/**
 * The script a test writes into a prompt to say what the stand-in model shall answer: one directive a line.
 *
 * `SAY text` · `CALL Tool {json}` (the script goes on after its result) · `+CALL Tool {json}` (in the same answer) ·
 * `SLEEP ms` · `DRIP ms` (between deltas) · `HOLD key` (until the test releases it) · `ECHO regex` (what of the whole
 * request matches: proof that a text reached the model) · `FAIL status type` · `BACK` (sends the same word to whoever wrote it).
 */
interface ToolCall {
  readonly name: string
  readonly input: Record<string, unknown>
}

interface Directive {
  readonly verb: 'SAY' | 'SLEEP' | 'DRIP' | 'HOLD' | 'ECHO' | 'FAIL'
  readonly argument: string
}

/** One answer of the model: what happens before it, then its tool calls. */
export interface Answer {
  readonly before: readonly Directive[]
  readonly calls: readonly ToolCall[]
}

interface Block {
  readonly type: string
  readonly text?: string
}
export interface ModelMessage {
  readonly role: string
  readonly content: string | readonly Block[]
}

const REMINDER = /<system-reminder>[\s\S]*?<\/system-reminder>/g
/** Notes of the client itself: they ride with a tool result and start no new script. */
const CLIENT_NOTE =
  /^(The user sent a new message while you were working:|\[Request interrupted|Tool loaded\.$)/
/** Quote marks before a directive are skipped, so that a script also works inside a quoted message. */
const LINE = /^[\s>|]*(\+?CALL|SAY|SLEEP|DRIP|HOLD|ECHO|FAIL)\s+(.*)$/
/** A message of a peer, as the model is shown it. */
const FROM = /^== message \S+ from "([^"]+)"/m
const SEND = 'mcp__plugin_claudemesh_mesh__mesh_send'
const CALL = /^(\S+)\s*(\{.*\})?\s*$/

/** The last text a user said, and how many answers with tool calls it has had so far. */
export function scriptOf(messages: readonly ModelMessage[]): { text: string; answered: number } {
  for (let at = messages.length - 1; at >= 0; at--) {
    const message = messages[at]!
    if (message.role !== 'user') continue
    const text = textsOf(message)
      .map(t => t.replace(REMINDER, '').trim())
      .filter(t => t !== '' && !CLIENT_NOTE.test(t))
      .at(-1)
    if (text === undefined) continue
    const answered = messages.slice(at + 1).filter(m => m.role === 'assistant' && callsTool(m)).length
    return { text, answered }
  }
  return { text: '', answered: 0 }
}

/** The answers a script asks for, in order; a script without directives asks for none. */
export function parseScript(text: string): Answer[] {
  const answers: { before: Directive[]; calls: ToolCall[] }[] = [{ before: [], calls: [] }]
  const [, from] = FROM.exec(text) ?? []
  for (const line of text.split('\n')) {
    const isBack = from !== undefined && /^[\s>|]*BACK$/.test(line)
    const raw = isBack ? `CALL ${SEND} ${JSON.stringify({ to: from, text: 'BACK' })}` : line
    const [, verb, argument = ''] = LINE.exec(raw) ?? []
    if (verb === undefined) continue
    const current = answers.at(-1)!
    if (verb !== 'CALL' && verb !== '+CALL') {
      current.before.push({ verb: verb as Directive['verb'], argument })
      continue
    }
    const [, name, json] = CALL.exec(argument) ?? []
    if (name === undefined) continue
    const call = { name, input: json === undefined ? {} : JSON.parse(json) }
    const previous = answers.at(-2)
    if (verb === '+CALL' && previous !== undefined && current.before.length === 0) previous.calls.push(call)
    else {
      current.calls.push(call)
      answers.push({ before: [], calls: [] })
    }
  }
  return answers
}

const textsOf = (message: ModelMessage): string[] =>
  typeof message.content === 'string'
    ? [message.content]
    : message.content.flatMap(b => (b.type === 'text' && b.text !== undefined ? [b.text] : []))

const callsTool = (message: ModelMessage): boolean =>
  typeof message.content !== 'string' && message.content.some(b => b.type === 'tool_use')
