/** The broker's address as a person gives it, and as the client dials it. */
import { MeshError } from '@claudemesh/protocol/errors'

const SOCKET_SCHEME: Readonly<Record<string, string>> = {
  'http:': 'ws:',
  'https:': 'wss:',
  'ws:': 'ws:',
  'wss:': 'wss:',
}

/** `https://mesh.example.org` → `wss://mesh.example.org/ws` and the host that stands in it. Throws `usage`. */
export function brokerAddress(text: string): { url: string; host: string } {
  const given = URL.canParse(text) ? new URL(text) : undefined
  const scheme = given && SOCKET_SCHEME[given.protocol]
  const bare = given && ['', '/', '/ws'].includes(given.pathname) && given.search === '' && given.hash === ''
  if (!given || !scheme || !bare || given.host === '' || given.username !== '' || given.password !== '')
    throw new MeshError(
      'usage',
      'The broker is named like https://mesh.example.org or http://127.0.0.1:7900.',
      {
        field: 'broker',
      },
    )
  const host = given.host.toLowerCase()
  return { url: `${scheme}//${host}/ws`, host }
}

/** `wss://host/ws` → `https://host`. */
export function brokerPage(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol === 'wss:' ? 'https:' : 'http:'}//${host}`
}
