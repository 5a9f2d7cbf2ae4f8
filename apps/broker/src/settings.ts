/** Every setting of the broker: read once from the environment, validated, and the only source of README's table. */
import { hostname } from 'node:os'
import { fromBase64url, LIMITS, MeshError, parseAs, TIMES, WINDOW } from '@claudemesh/protocol'
import { z } from 'zod'

const text = (about: string) => z.string().max(4096).optional().meta({ about })
const link = (about: string) =>
  text(about).refine(value => value === undefined || /^https?:$/.test(URL.parse(value)?.protocol ?? ''), {
    message: 'must be an http:// or https:// address',
  })
const int = (fallback: number, about: string, min = 0, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(min).max(max).default(fallback).meta({ about })
const list = (fallback: string, about: string) =>
  z
    .string()
    .max(4096)
    .default(fallback)
    .transform(value =>
      value
        .split(',')
        .map(part => part.trim().toLowerCase())
        .filter(part => part !== ''),
    )
    .meta({ about })
const choice = <const T extends readonly [string, ...string[]]>(
  values: T,
  fallback: T[number],
  about: string,
) =>
  z
    .enum(values)
    .default(() => fallback as z.output<z.ZodEnum<z.core.util.ToEnum<T[number]>>>)
    .meta({ about: `${values.map(value => `\`${value}\``).join(', ')}: ${about}`, fallback })

/** The environment the broker knows, in the order of README's table. */
export const environment = z.object({
  DATABASE_URL: text('Postgres the broker keeps its state in. Required.').refine(
    value => value === undefined || URL.parse(value)?.hostname.includes(',') === false,
    { message: 'must be the URL of one server; where there are several, of what leads to the primary' },
  ),
  BROKER_KEY_FILE: text(
    'File of the broker key, 0600; made at the first start. This or `BROKER_KEY` is required.',
  ),
  BROKER_KEY: text(
    'The broker key itself, base64url of a 32-byte seed, where files are not the way to keep secrets.',
  ),
  HOST: z.string().default('127.0.0.1').meta({ about: 'Address to listen on.' }),
  BROKER_PORT: int(
    7900,
    'Port to listen on; 0 takes a free one. Unset: `PORT`, where the host sets that.',
    0,
    65_535,
  ),
  PUBLIC_HOSTS: list(
    '',
    'Hosts clients dial, `host[:port]`, commas between. Empty: localhost and 127.0.0.1 at the port.',
  ),
  NODE_NAME: z
    .string()
    .max(64)
    .regex(/^[^~]*$/)
    .default('')
    .meta({
      about: 'Name of this process, which no other node of the broker has. Empty: the name of the machine.',
    }),
  NATS_URL: text(
    'NATS servers by which nodes on the same database tell each other what changed: `nats://` or `tls://`, commas between; user and password or a token in the first. Unset: nodes look for it in the database.',
  ),
  LOOK_MS: int(
    1000,
    'Time between looks for what other nodes did, ms; while NATS tells it, or no other node is there, 5 times as long or more.',
    50,
    60_000,
  ),
  MESH_CREATE: choice(
    ['local', 'open', 'token'],
    'local',
    'who may found a mesh: loopback addresses, all, or who knows `MESH_CREATE_TOKEN`.',
  ),
  MESH_CREATE_TOKEN: text('The token asked for where `MESH_CREATE` is `token`.'),
  ALLOWED_ORIGINS: list(
    '',
    'Origins of web pages that may open /ws, commas between. Pages of `PUBLIC_HOSTS` always may.',
  ),
  METRICS_TOKEN: text(
    'Bearer token that /metrics asks for. Unset: /metrics answers loopback addresses only.',
  ),
  TRUST_PROXY: choice(
    ['no', 'yes', 'fly'],
    'no',
    'take no word for the address of a socket, the last of `X-Forwarded-For`, or `Fly-Client-IP`.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: link(
    'Collector that takes spans by OTLP over http in JSON, without its `/v1/traces`; headers, time and compression by `OTEL_EXPORTER_OTLP_*` besides. Unset: nothing is traced.',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: link('The same as the whole address; goes before the other.'),
  OTEL_SDK_DISABLED: choice(
    ['false', 'true'],
    'false',
    'whether spans stay off although a collector is named.',
  ),
  OTEL_SERVICE_NAME: z
    .string()
    .max(255)
    .default('claudemesh-broker')
    .meta({ about: 'What the broker is called in traces; the node is `service.instance.id`.' }),
  OTEL_TRACES_SAMPLER: choice(
    [
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
      'always_on',
      'always_off',
      'traceidratio',
    ],
    'parentbased_always_on',
    'which traces are taken.',
  ),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .meta({ about: 'Share of traces that `traceidratio` takes, 0 to 1.' }),
  OTEL_BSP_SCHEDULE_DELAY: int(5000, 'Longest time a span waits for others, ms.', 10, 60_000),
  OTEL_BSP_MAX_QUEUE_SIZE: int(
    2048,
    'Spans that wait for the collector; those beyond are dropped.',
    1,
    65_536,
  ),
  LOG_LEVEL: choice(['info', 'debug', 'warn', 'error', 'silent'], 'info', 'least grave line that is logged.'),
  FRAME_BYTES: int(LIMITS.frameBytes, 'Largest frame, bytes.', 4096, 16 << 20),
  BODY_BYTES: int(LIMITS.bodyBytes, 'Largest sealed body, bytes.', 256, LIMITS.bodyBytes),
  RECIPIENTS: int(
    LIMITS.recipientsPerEnvelope,
    'Most recipients of an envelope.',
    1,
    LIMITS.recipientsPerEnvelope,
  ),
  TTL_MS: int(LIMITS.ttlMs, 'Longest time to live of an envelope, ms.', 1000, LIMITS.ttlMs),
  ATTACHMENTS: int(1024, 'Most recipients attached on one socket.', 1),
  WINDOW_ENVELOPES: int(WINDOW.perRecipientEnvelopes, 'Unacked envelopes per recipient.', 1, 4096),
  WINDOW_BYTES: int(WINDOW.perRecipientBytes, 'Unacked bytes per recipient.', 1024),
  SOCKET_WINDOW_ENVELOPES: int(WINDOW.perSocketEnvelopes, 'Unacked envelopes per socket.', 1),
  SOCKET_WINDOW_BYTES: int(WINDOW.perSocketBytes, 'Unacked bytes per socket.', 1024),
  BATCH_ROWS: int(512, 'Rows one commit takes at most.', 1, 4096),
  HANDSHAKE_MS: int(TIMES.handshakeMs, 'Time from opening to a good hello.', 100),
  HEARTBEAT_MS: int(TIMES.heartbeatMs, 'Time between pings of the broker.', 100),
  SILENCE_MS: int(TIMES.silenceMs, 'Silence that ends a socket.', 200),
  REDELIVER_MS: int(30_000, 'Wait before unacked envelopes are sent again; doubles.', 100),
  REDELIVER_MAX_MS: int(300_000, 'Longest wait between redeliveries.', 100),
  STATUS_TTL_SECONDS: int(
    60,
    'Time after which `working` by a hook that nothing confirms is `idle`.',
    1,
    86_400,
  ),
  HOOK_FRESH_WINDOW_SECONDS: int(
    30,
    "Time for which a hook's status goes before an older signed one.",
    1,
    86_400,
  ),
  EXPIRY_MS: int(10_000, 'Time between looks for what ran out.', 100),
  CHECKPOINT_MS: int(5000, 'Time between signed heads of an active audit log.', 10, 10_000),
  AUDIT_DAYS: int(
    0,
    'Days that the bodies of audit leaves are kept; their hashes stay. 0: for ever.',
    0,
    36_500,
  ),
  RATE_ENVELOPES: int(2000, 'Envelopes a second and member. 0: no limit.', 0),
  RATE_ENVELOPES_BURST: int(20_000, 'Envelopes a member may send at once.', 1),
  RATE_FRAMES: int(200, 'JSON frames a second and member. 0: no limit.', 0),
  RATE_FRAMES_BURST: int(2000, 'JSON frames a member may send at once.', 1),
  RATE_ADDRESS: int(50, 'Connections and HTTP requests a second and address. 0: no limit.', 0),
  RATE_ADDRESS_BURST: int(500, 'Connections and HTTP requests at once from an address.', 1),
  WAITING_SOCKETS: int(256, 'Sockets of one address that may be without hello at once.', 1),
  DRAIN_MS: int(5000, 'Longest wait for the last commit at shutdown.', 0, 9000),
})

type Environment = z.output<typeof environment>
/** `brokerKey` is the seed; `databaseUrl` is there. Everything else as in the environment. */
export interface Settings extends Omit<Environment, 'DATABASE_URL' | 'BROKER_KEY'> {
  readonly DATABASE_URL: string
  readonly BROKER_KEY: Uint8Array | null
}

/** Settings of an environment. Throws `usage`, naming the variable at fault and what to do. */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const given: Record<string, string | undefined> = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  given.BROKER_PORT ??= given.PORT
  const parsed = parseAs(environment, given)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    const name = issue.path.join('.')
    throw new MeshError('usage', `Setting ${name}: ${issue.message}.`, { field: name })
  }
  const { DATABASE_URL, BROKER_KEY, ...rest } = parsed.data
  if (DATABASE_URL === undefined)
    throw new MeshError(
      'usage',
      'DATABASE_URL is not set: give the URL of a Postgres database, or run `claudemesh up`, which starts one.',
      { field: 'DATABASE_URL' },
    )
  if (rest.MESH_CREATE === 'token' && rest.MESH_CREATE_TOKEN === undefined)
    throw new MeshError('usage', 'MESH_CREATE=token asks for MESH_CREATE_TOKEN.', {
      field: 'MESH_CREATE_TOKEN',
    })
  rest.NODE_NAME ||= hostname().slice(0, 64)
  return { ...rest, DATABASE_URL, BROKER_KEY: BROKER_KEY === undefined ? null : seedOf(BROKER_KEY) }
}

function seedOf(value: string): Uint8Array {
  const seed = fromBase64url(value.trim())
  if (seed?.length !== 32)
    throw new MeshError('usage', 'BROKER_KEY must be base64url of 32 bytes.', { field: 'BROKER_KEY' })
  return seed
}
