/** Run as a process of its own, to be killed: each transaction adds a row and counts it; says which ones stand. */
import { openMeshStore } from '../../src/daemon/store/client-store.ts'
import { openStoreFile } from '../../src/daemon/store/store-file.ts'
import { inboxRow } from './rows.ts'

const store = openMeshStore(openStoreFile(process.argv[2]!), 'a')
for (;;) {
  const n = store.counters.get('n') + 1
  store.transaction(() => {
    store.inbox.insert(inboxRow(n))
    store.counters.set('n', n)
  })
  process.stdout.write(`${n}\n`)
}
