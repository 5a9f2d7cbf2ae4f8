/** A question before something that matters: asked on a terminal only, never where a flag has answered. */
import { MeshError } from '@claudemesh/protocol/errors'
import type { Cli } from './cli.ts'

/** Whether to go on; a no is exit 1. Throws `usage` where nobody can be asked; Ctrl-C is 130. */
export async function confirmed(
  cli: Cli,
  options: { yes?: boolean },
  question: { message: string; why: string; initialValue: boolean },
): Promise<boolean> {
  if (options.yes === true) return true
  if (!cli.interactive) throw new MeshError('usage', `${question.why}: say -y where nobody can be asked.`)
  const { confirm, isCancel } = await import('@clack/prompts')
  const answer = await confirm({ message: question.message, initialValue: question.initialValue })
  if (isCancel(answer)) process.exit(130)
  if (!answer) process.exitCode = 1
  return answer
}
