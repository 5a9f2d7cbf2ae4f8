/** What a route knows of its request beside the request itself. */
import type { Hono } from 'hono'

export interface RequestBindings {
  readonly address: string
  readonly local: boolean
}
export type App = Hono<{ Bindings: RequestBindings }>
