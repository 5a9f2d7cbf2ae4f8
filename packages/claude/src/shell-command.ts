/** Program and arguments, to be run without a shell's help: every word is quoted where a shell will read it. */
export type Command = readonly [string, ...string[]]

/** One line of POSIX shell. Single quotes: nothing inside is special but the quote itself. */
export const shellCommand = (words: Command): string =>
  words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
