/** `completions`: what a shell needs to finish our words; it asks `claudemesh complete` at each Tab, so it is never out of date. */
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/** All other commands are there already: what is completed is read off them. */
export function addCompletions(program: Command): void {
  tab(program, { completionCommandName: 'completions' })
  const command = program.commands.find(each => each.name() === 'completions')
  command?.hook('preAction', () => {
    const print = console.log
    console.log = (script: unknown) => {
      console.log = print
      print(quoted(String(script)))
    }
  })
  command?.description('print what makes a shell finish commands and options').addHelpText(
    'after',
    `
Examples:
  $ claudemesh completions bash > ~/.local/share/bash-completion/completions/claudemesh
  $ claudemesh completions zsh > ~/.zfunc/_claudemesh
  $ claudemesh completions fish > ~/.config/fish/completions/claudemesh.fish`,
  )
}

/** The library's bash script evaluates the words as they stand: a `$(…)` on the line would run at Tab. They are quoted first. */
function quoted(script: string): string {
  const words = `\${words[@]:1}`
  return script
    .replace(`complete -- ${words}"`, `complete --$(printf ' %q' "${words}")"`)
    .replace(`requestComp="$requestComp ''"`, ': # it is among the words')
}
