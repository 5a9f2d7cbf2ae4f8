/** The companion of one user on one machine: it alone holds the keys and the sockets to brokers. */
export { type RunningDaemon, runDaemon } from './run.ts'
