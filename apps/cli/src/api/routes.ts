/** Paths of the daemon's local API. Every call carries `Authorization: Bearer <token>`: the user's, or one session's. */
export const ROUTES = {
  status: ['GET', '/v1/status'],
  shutdown: ['POST', '/v1/shutdown'],
  meshes: ['GET', '/v1/meshes'],
  createMesh: ['POST', '/v1/meshes'],
  leaveMesh: ['POST', '/v1/meshes/:mesh/leave'],
  renameMesh: ['POST', '/v1/meshes/:mesh/rename'],
  moveBroker: ['POST', '/v1/meshes/:mesh/broker'],
  pauseMesh: ['POST', '/v1/meshes/:mesh/pause'],
  createInvite: ['POST', '/v1/invites'],
  invites: ['GET', '/v1/invites'],
  revokeInvite: ['DELETE', '/v1/invites/:id'],
  joinPreview: ['POST', '/v1/join/preview'],
  join: ['POST', '/v1/join'],
  members: ['GET', '/v1/members'],
  removeMember: ['DELETE', '/v1/members/:member'],
  /** `:peer`: a name, `name/session` or a key prefix of 6 or more. */
  safetyNumber: ['GET', '/v1/verify/:peer'],
  confirmKey: ['POST', '/v1/verify/:peer'],
  forgetKey: ['DELETE', '/v1/verify/:peer'],
  /** What of this member's messages is refused from now on. */
  block: ['POST', '/v1/members/:member/block'],
  setRole: ['POST', '/v1/members/:member/role'],
  /** Oneself, in `?mesh=`. */
  rename: ['POST', '/v1/rename'],
  openSession: ['POST', '/v1/sessions'],
  sessions: ['GET', '/v1/sessions'],
  sessionOfProcess: ['POST', '/v1/sessions/of-process'],
  /** `:uuid` may be a prefix or a session's name. */
  closeSession: ['POST', '/v1/sessions/:uuid/close'],
  /** `?as=&follow=1`; `follow` keeps the answer open: all peers as one line, again at each change. */
  peers: ['GET', '/v1/peers'],
  send: ['POST', '/v1/send'],
  /**
   * `?as=&all=1&peek=1&follow=1`; one JSON object a line; `follow` keeps the answer open. `model=1`: the session's model is about
   * to see them, which the transcript has to prove before they count as read.
   */
  inbox: ['GET', '/v1/inbox'],
  /** In `?mesh=`. */
  retention: ['GET', '/v1/retention'],
  setRetention: ['PUT', '/v1/retention'],
  /** In `?mesh=`. */
  limits: ['GET', '/v1/limits'],
  setLimits: ['PUT', '/v1/limits'],
  /** `?as=&dead=1`; `dead`: only what was given up. */
  outbox: ['GET', '/v1/outbox'],
  retryOutbox: ['POST', '/v1/outbox/:id/retry'],
  dropOutbox: ['POST', '/v1/outbox/:id/drop'],
  trace: ['GET', '/v1/trace/:id'],
  auditHead: ['GET', '/v1/audit/head'],
  /** The whole log as JSON lines. */
  auditExport: ['GET', '/v1/audit/export'],
  auditProof: ['GET', '/v1/audit/proof/:id'],
  /** Another log in place of the pinned one: an owner's to say. */
  auditAccept: ['POST', '/v1/audit/accept'],
  presence: ['POST', '/v1/presence'],
  /** Holds all delivery on this machine, or lets it go on. */
  pause: ['POST', '/v1/pause'],
  doctor: ['GET', '/v1/doctor'],
  /** How the session whose token is used stands, as one line of plain text. */
  line: ['GET', '/v1/line'],
  /** Claude's hooks of the session whose token is used. */
  hook: ['POST', '/v1/hook'],
  /** An asyncRewake hook waits: answered with what shall wake the session, or with nothing (204) when it is not needed any more. */
  waitForWake: ['POST', '/v1/wake'],
  setStatus: ['POST', '/hook/set-status'],
} as const satisfies Record<string, readonly [string, string]>
export type RouteName = keyof typeof ROUTES
