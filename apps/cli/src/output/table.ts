/** A quiet table: columns aligned by the width seen on a terminal, no lines drawn, nothing cut. */
import Table from 'cli-table3'

/** Rows under a heading; cells may be painted. Ends without a line feed. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const quiet = Object.fromEntries(BORDERS.map(border => [border, '']))
  const drawn = new Table({
    chars: { ...quiet, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  drawn.push([...head], ...rows.map(row => [...row]))
  return drawn
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
}

const BORDERS = [
  ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
] as const
