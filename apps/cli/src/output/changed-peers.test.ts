import { expect, test } from 'vitest'
import type { Peer } from '../api/schema.ts'
import { changedPeers } from './changed-peers.ts'

const web: Peer = {
  name: 'bob/web',
  person: 'bob',
  member: 'm',
  session: 's',
  uuid: '11111111-2222-4333-8444-555555555555',
  status: 'idle',
  statusSource: 'daemon',
  statusAt: 1,
  online: true,
  lease: 'online',
  role: '',
  groups: [],
  summary: '',
  directory: '',
  waitingFor: '',
  deliver: null,
  verified: false,
  nameTaken: false,
  verifiedAs: null,
  self: false,
  mesh: 'home',
}
const away: Peer = { ...web, lease: 'away' }
const offline: Peer = { ...web, lease: 'offline', online: false }
const closed: Peer = { ...web, status: 'closed', online: false }

test.each<[string, Peer[] | undefined, Peer[], string[]]>([
  ['everybody at first', undefined, [web], ['idle online']],
  ['a join', [], [web], ['idle online']],
  ['nothing of a socket that was lost', [web], [away], []],
  ['nothing of a return within the grace', [away], [web], []],
  ['a leave, once the grace is over', [away], [offline], ['idle offline']],
  ['a return after it', [offline], [web], ['idle online']],
  ['a close', [web], [closed], ['closed online']],
  ['nothing of a closed one whose machine goes', [closed], [{ ...closed, lease: 'offline' }], []],
  ['nothing of a status that was confirmed', [web], [{ ...web, statusAt: 9, statusSource: 'hook' }], []],
  ['a status', [web], [{ ...web, status: 'working', statusAt: 9 }], ['working online']],
  [
    'nothing of an own one that is not attached yet',
    [{ ...offline, self: true }],
    [{ ...web, self: true }],
    [],
  ],
  ['a summary', [web], [{ ...web, summary: 'new' }], ['idle online']],
  [
    'another UUID of the same session',
    [web],
    [{ ...web, uuid: web.uuid!.replace('1', '2') }],
    ['idle online'],
  ],
  ['who is no more', [web], [], ['gone']],
])('a watcher is told of %s', (_, before, now, lines) => {
  const said = changedPeers(before, now)
  expect(said.map(({ peer, gone }) => (gone ? 'gone' : `${peer.status} ${peer.lease}`))).toEqual(lines)
  expect(changedPeers(now, now)).toEqual([])
})
