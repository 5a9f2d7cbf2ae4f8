/** Gives back to the system what a burst of work has taken: compiled code, free heap, and the pages of Bun's own binary. */
import { dlopen, FFIType } from 'bun:ffi'
import { readFileSync } from 'node:fs'

/** From <asm-generic/mman-common.h>: pages of a file are read from it again when they are next touched. */
const MADV_DONTNEED = 4
/** Under glibc; elsewhere the pages stay. */
const LIBC = 'libc.so.6'

/** What was compiled, which is compiled again when it next runs, and free heap: 5 to 10 MiB for some 150 ms of CPU in all. */
export function giveBackCode(): void {
  Bun.shrink()
}

/** Under Linux 30 MiB of the binary, for a few ms. */
export function giveBackPages(): void {
  try {
    forgetBinary()
  } catch {
    // Another libc, or a system that allows no foreign call.
  }
}

/**
 * Of 80 MiB machine code a start runs through nearly half, most of it once: parsers, linkers, compilers. Nobody writes to
 * executable pages, so what is still needed comes back as it was, from the page cache.
 */
function forgetBinary(): void {
  if (process.platform !== 'linux') return
  const libc = dlopen(LIBC, {
    madvise: { args: [FFIType.u64, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  })
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const mapped = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d* +(.*)$/.exec(line)
    if (mapped === null || !mapped[3]!.startsWith(process.execPath)) continue
    const [from, to] = [BigInt(`0x${mapped[1]}`), BigInt(`0x${mapped[2]}`)]
    libc.symbols.madvise(from, to - from, MADV_DONTNEED)
  }
  libc.close()
}
