/** A question before something that matters: asked on a terminal only, never where a flag has answered. */
import { MeshError } from '@claudemesh/protocol'
import type { Cli } from './cli.ts'

/** Resolves when the answer is yes. Throws `usage` for no, and where nobody can be asked; Ctrl-C is 130. */
export async function confirmed(
  cli: Cli,
  options: { yes?: boolean },
  question: { message: string; why: string; initialValue: boolean },
): Promise<void> {
  if (options.yes === true) return
  if (!cli.interactive) throw new MeshError('usage', `${question.why}: say -y where nobody can be asked.`)
  const { confirm, isCancel } = await import('@clack/prompts')
  const answer = await confirm({ message: question.message, initialValue: question.initialValue })
  if (isCancel(answer)) process.exit(130)
  if (!answer) throw new MeshError('usage', 'Nothing was done.')
}
