/** What reaches a real broker process: raw bytes on its port as HTTP, and frames on a WebSocket that never said who it is. */
import { connect } from 'node:net'
import { SUBPROTOCOL } from '@claudemesh/protocol'
import { type BrokerProcess, startBrokerProcess, startTestPostgres } from '@claudemesh/testkit'
import type { Target } from '../target.ts'

const NO_LIMITS = { RATE_ADDRESS: '0', RATE_FRAMES: '0', LOG_LEVEL: 'error' }

/** A broker of the target's own, gone at its end; a broker that ended or logged a fault is a finding. */
function withBroker(
  target: Omit<Target, 'start' | 'read'>,
  read: (broker: BrokerProcess, input: Uint8Array) => Promise<string>,
): Target {
  let broker: BrokerProcess
  return {
    ...target,
    async start() {
      const postgres = await startTestPostgres()
      broker = await startBrokerProcess(postgres.url, NO_LIMITS)
      return async () => {
        await broker.close()
        await postgres.stop()
      }
    },
    async read(input) {
      const logged = broker.log().length
      const answer = await read(broker, input)
      const fault = broker.log().slice(logged)
      if (fault.includes('"failed"') || fault.includes('.failed'))
        throw new Error(`the broker logged ${fault}`)
      return answer
    },
  }
}

/** A request that does not end by itself is ended after this long, ms. */
const UNFINISHED_MS = 250
/** Longest that the broker may keep a socket whose other end said its last, ms. */
const PATIENCE_MS = 15_000

/** A request, byte for byte: its answer is never a fault of the server, and the next one is answered too. */
export const httpRequests = withBroker(
  { name: 'http', form: 'text', mostBytes: 8192, weight: 0.002 },
  async (broker, input) => {
    const answer = await exchange(Number(new URL(broker.url).port), input)
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 'none'
    if (status === '500') throw new Error(`answered ${answer.slice(0, 200)}`)
    if ((await fetch(`${broker.url}/live`)).status !== 200) throw new Error('the broker does not live')
    return status
  },
)

/** Sends all of it and answers what came back; where nothing comes, says that this was all. */
function exchange(port: number, input: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => void socket.write(input))
    const given = setTimeout(() => socket.end(), UNFINISHED_MS)
    const patience = setTimeout(
      () => socket.destroy(new Error('the broker keeps a socket that said its last')),
      PATIENCE_MS,
    )
    socket.on('data', chunk => {
      answer += chunk.toString('latin1')
      // An answer that keeps the connection open is whole enough to be judged.
      if (answer.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('error', cause => ('code' in cause ? resolve(answer) : reject(cause)))
    socket.on('close', () => {
      clearTimeout(given)
      clearTimeout(patience)
      resolve(answer)
    })
  })
}

/** One frame of a stranger behind the challenge: an error or a closed socket, and the broker lives. */
export const strangerFrames = withBroker(
  { name: 'stranger', form: 'json', mostBytes: 8192, weight: 0.002 },
  async (broker, input) => {
    const socket = new WebSocket(`${broker.url.replace('http', 'ws')}/ws`, SUBPROTOCOL)
    const answers: string[] = []
    await new Promise<void>((resolve, reject) => {
      socket.onmessage = ({ data }) => {
        answers.push(String(data))
        if (answers.length === 1) {
          socket.send(new TextDecoder().decode(input))
          socket.send('{"type":"ping","ref":9}')
        } else if (answers.length === 3) socket.close()
      }
      socket.onclose = () => resolve()
      socket.onerror = () => reject(new Error('the broker refused a socket'))
    })
    const { type, code } = JSON.parse(answers[1] ?? '{"type":"closed"}')
    if (type === 'error' && code === 'internal') throw new Error(`answered ${answers[1]}`)
    return `${type} ${code}`
  },
)
