/** Loaded into a daemon before its program: its clock is off by what the file at `CHAOS_CLOCK` says, at every moment (ms, a double). */
const file = process.env.CHAOS_CLOCK
if (file === undefined) throw new Error('CHAOS_CLOCK names no file')
const memory = Bun.mmap(file, { shared: true })
const skew = new Float64Array(memory.buffer, memory.byteOffset, 1)
const trueNow = Date.now

Date.now = () => trueNow() + skew[0]!
