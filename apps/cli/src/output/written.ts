/** Everything that was said stands with whoever reads it before the process goes, however slowly it is read. */

/** Ends stdout and stderr. A write's own callback comes early on a pipe that is full; that of the end waits for the reader. */
export async function written(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map(stream => new Promise<void>(done => stream.end(() => done()))),
  )
}
