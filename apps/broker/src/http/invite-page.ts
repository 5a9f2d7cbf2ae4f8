/** `/i/:code`: what a browser shows of an invite link. The secret is in the fragment, which no browser sends. */
import { MeshError } from '@claudemesh/protocol'
import type { App } from './request-bindings.ts'

/** The same page for every code of the right form: whether an invite exists is not told to strangers. */
export function invitePage(app: App): void {
  app.get('/i/:code', c => {
    if (!/^[A-Za-z0-9_-]{22}$/.test(c.req.param('code')))
      throw new MeshError('not-found', 'This is no invite link.')
    return c.html(PAGE)
  })
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Invitation to a claudemesh</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}code{background:#8882;padding:.2em .4em;border-radius:.3em}</style>
<h1>You are invited to a mesh</h1>
<p>On the machine where you run Claude Code:</p>
<p><code>npx -y claudemesh join '&lt;the whole link&gt;'</code></p>
<p>Copy the link from the address bar with everything behind the <code>#</code>: that part is the secret. It has not left your browser.</p>
</html>
`
