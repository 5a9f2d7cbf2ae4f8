/**
 * `/i/:code`: what a browser shows of an invite link. The secret is in the fragment, which no browser sends; the page has no
 * script, loads nothing, links nowhere and may by its policy do none of these.
 */
import { MeshError } from '@claudemesh/protocol'
import type { App } from './request-bindings.ts'

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}code{background:#8882;padding:.2em .4em;border-radius:.3em}'

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Invitation to a claudemesh</title>
<style>${STYLE}</style>
<h1>You are invited to a mesh</h1>
<p>A mesh joins Claude Code sessions of different people, end to end encrypted. On the machine where you run Claude Code, type:</p>
<p><code>claudemesh join '&lt;the whole link&gt;'</code></p>
<p>The whole link is what stands in the address bar, with everything behind the <code>#</code>: that part is the secret. Your browser
did not send it, so this server has not seen it. Keep the quotes, and give the link to nobody else: whoever has it can join.</p>
<p><code>join</code> shows the name of the mesh, who invites you and as what, and asks before it does anything. A link that was used up,
revoked or has expired is told there, too.</p>
</html>
`

const styleHash = new Bun.CryptoHasher('sha256').update(STYLE).digest('base64')
const POLICY = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** The same page for every code of the right form: whether an invite exists is not told to strangers. */
export function invitePage(app: App): void {
  app.get('/i/:code', c => {
    if (!/^[A-Za-z0-9_-]{22}$/.test(c.req.param('code')))
      throw new MeshError('not-found', 'This is no invite link.')
    c.header('Content-Security-Policy', POLICY)
    return c.html(PAGE)
  })
}
