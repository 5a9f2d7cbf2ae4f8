/** Sizes and times of protocol version 1. What the broker may set lower travels in `welcome.limits`. */

export const SUBPROTOCOL = 'claudemesh.v1'
export const VERSION = 1

export const SIZES = {
  key: 32,
  hash: 32,
  signature: 64,
  nonce: 24,
  id: 16,
  prekeyId: 16,
  openerId: 16,
  xwingPublic: 1216,
  encapsulation: 1120,
  /** Ephemeral X25519 public key and X-Wing encapsulation. */
  opener: 1152,
  /** K 32, pairSeq 8, floor 8 and the box's tag 16. */
  slotBox: 64,
  inviteCode: 16,
  /** Name under the epoch key: nonce 24, length 2, room for 256 bytes of UTF-8, tag 16. */
  sealedName: 298,
  /** Epoch key sealed to a bundle: opener 1152, key 32, tag 16. */
  epochCopy: 1200,
  /** The previous epoch's key under the next one: nonce 24, key 32, tag 16. */
  sealedEpochKey: 72,
} as const

export const LIMITS = {
  frameBytes: 1 << 20,
  bodyBytes: 256 * 1024,
  recipientsPerEnvelope: 256,
  nameChars: 64,
  summaryChars: 280,
  groups: 32,
  groupChars: 64,
  directoryChars: 1024,
  /** UUIDs of the past that a session's alias names. */
  formerUuids: 16,
  /** A sealed profile: padded to a multiple of this, at most `profileBytes`. */
  profilePad: 512,
  profileBytes: 16 * 1024,
  ttlMs: 30 * 86_400_000,
  rosterPage: 256,
  restorePage: 128,
  epochCopiesPerFrame: 500,
  directoryPage: 256,
  prekeysPerRequest: 256,
  /** Of a text: turns of agents that led to it. */
  hops: 255,
} as const

export const TIMES = {
  handshakeMs: 10_000,
  heartbeatMs: 25_000,
  silenceMs: 75_000,
  graceMs: 90_000,
  idSkewMs: 5 * 60_000,
  certificateMs: 12 * 3_600_000,
  certificateRenewMs: 4 * 3_600_000,
  /** Mail to an expired certificate, and a recipient being known, end this long after it ran out. */
  knownMs: 30 * 86_400_000,
  prekeyFreshMs: 2 * 3_600_000,
  prekeyRotateMs: 3_600_000,
  /** An old secret is kept this long after its successor was published. */
  prekeyKeptMs: 3_600_000,
  /** And no longer than this while its owner is attached. */
  prekeyAttachedMs: 4 * 3_600_000,
  prekeyUsableMs: 30 * 86_400_000,
  ttlDefaultMs: 7 * 86_400_000,
  lateMs: 24 * 3_600_000,
  rememberMs: 48 * 3_600_000,
  gapMs: 60_000,
  factsKeptMs: 30 * 86_400_000,
  /** A broker has this long to prove an audit checkpoint that somebody was shown. */
  auditProofMs: 10 * 60_000,
  /** A broker has this long to serve a roster head that it signed. */
  provenMs: 30_000,
  /** Without a word from another member for so long, a roster counts as unconfirmed. */
  unconfirmedMs: 12 * 3_600_000,
} as const

export const WINDOW = {
  perRecipientEnvelopes: 512,
  perRecipientBytes: 1 << 20,
  perSocketEnvelopes: 1024,
  perSocketBytes: 4 << 20,
} as const
