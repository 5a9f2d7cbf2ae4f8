/** A broker as a value: started with settings, stopped without a loss; or run on ports that somebody else made. */
export { noBackplane } from './backplane/news.ts'
export type { Broker } from './broker.ts'
export type { Clock } from './clock.ts'
export { type Listening, runBroker } from './run-broker.ts'
export { type RunningBroker, startBroker } from './server.ts'
export { readSettings, type Settings } from './settings.ts'
export type { SocketData } from './ws/connection.ts'
export { socketHandlers, upgrade } from './ws/socket-handlers.ts'
