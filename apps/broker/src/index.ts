/** A broker as a value: started with settings, stopped without a loss. */
export type { Clock } from './clock.ts'
export { type RunningBroker, startBroker } from './server.ts'
export { readSettings, type Settings } from './settings.ts'
