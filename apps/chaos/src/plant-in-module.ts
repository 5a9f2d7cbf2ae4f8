/**
 * Loaded into a daemon or broker before its program (`BUN_OPTIONS=--preload`): wraps what one of its modules makes, so that the process breaks
 * the promise that `CHAOS_FAULT` names. The product knows nothing of it, and runs from its sources meanwhile.
 */
import { fileURLToPath } from 'node:url'
import { plugin } from 'bun'
import { isModuleFault, MODULE_FAULTS } from './module-faults.ts'

const fault = process.env.CHAOS_FAULT ?? ''
if (!isModuleFault(fault)) throw new Error(`CHAOS_FAULT: there is no fault ${fault}`)
const { module, makes } = MODULE_FAULTS[fault]
const faults = fileURLToPath(import.meta.resolve('./module-faults.ts'))

/** The same source, whose function of this name is wrapped. */
function wrapped(source: string): string {
  const sound = source.replace(`export function ${makes}(`, `function sound_${makes}(`)
  if (sound === source) throw new Error(`${module} makes no ${makes}`)
  return `${sound}
import { MODULE_FAULTS } from ${JSON.stringify(faults)}
export const ${makes} = (...given) => MODULE_FAULTS[${JSON.stringify(fault)}].around(sound_${makes}(...given))
`
}

plugin({
  name: 'planted-fault',
  setup(build) {
    build.onLoad({ filter: /\/apps\/cli\/src\/compiled\/current\.ts$/ }, async ({ path }) => {
      const source = await Bun.file(path).text()
      const contents = source.replace('export function compiledProgram(', 'function sound(')
      return { contents: `${contents}\nexport const compiledProgram = () => undefined\n`, loader: 'ts' }
    })
    build.onLoad({ filter: new RegExp(`/${module}$`) }, async ({ path }) => {
      return { contents: wrapped(await Bun.file(path).text()), loader: 'ts' }
    })
  },
})
