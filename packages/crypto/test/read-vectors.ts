/** The checked-in vectors, by domain, as parsed JSON: bundlers take them along to every platform. */

import { revive } from './hex.ts'
import type { Vectors } from './make-vectors.ts'
import alias from './vectors/alias.json'
import attach from './vectors/attach.json'
import bundle from './vectors/bundle.json'
import certificate from './vectors/certificate.json'
import commit from './vectors/commit.json'
import envelope from './vectors/envelope.json'
import fact from './vectors/fact.json'
import hello from './vectors/hello.json'
import join from './vectors/join.json'
import leaf from './vectors/leaf.json'
import opener from './vectors/opener.json'
import pair from './vectors/pair.json'
import presence from './vectors/presence.json'
import profile from './vectors/profile.json'
import receipt from './vectors/receipt.json'
import rekey from './vectors/rekey.json'
import room from './vectors/room.json'
import roster from './vectors/roster.json'
import safety from './vectors/safety.json'
import slot from './vectors/slot.json'

export const vectorFiles: Record<keyof Vectors, unknown> = {
  alias,
  attach,
  bundle,
  certificate,
  commit,
  envelope,
  fact,
  hello,
  join,
  leaf,
  opener,
  pair,
  presence,
  profile,
  receipt,
  rekey,
  room,
  roster,
  safety,
  slot,
}

/** The vectors as values: bytes as byte arrays. */
export const vectors: Vectors = revive<Vectors>(vectorFiles)
