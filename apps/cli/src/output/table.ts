/** A quiet table: columns aligned by the width seen on a terminal, no lines drawn, nothing cut. */

const GAP = '  '

/** Rows under a heading, as many cells each; cells are of one line and may be painted. Ends without a line feed. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map(cells => cells.map(text => ({ text, width: Bun.stringWidth(text) })))
  const widths = head.map((_, column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column]!.width), 0),
  )
  return lines
    .map(line => line.map(({ text, width }, column) => text + ' '.repeat(widths[column]! - width)))
    .map(line => line.join(GAP).trimEnd())
    .join('\n')
}
