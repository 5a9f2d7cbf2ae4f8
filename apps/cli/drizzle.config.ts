import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'sqlite',
  schema: [
    './src/daemon/store/schema.ts',
    './src/daemon/store/inbox-schema.ts',
    './src/daemon/store/session-schema.ts',
  ],
  out: './migrations',
})
