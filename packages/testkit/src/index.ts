export * from './claude.ts'
export { type ModelRequest, type ModelStub, startModelStub } from './model-stub.ts'
export { freshDatabase, startTestPostgres, stopSharedPostgres, type TestPostgres } from './postgres.ts'
