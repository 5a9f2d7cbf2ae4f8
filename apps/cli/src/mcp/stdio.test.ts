import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { type JSONRPCMessage, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ARGUMENTS } from './calls.ts'
import { PROTOCOL_VERSIONS, serveTools } from './stdio.ts'
import { INSTRUCTIONS, TOOLS } from './tools.ts'

const server = {
  name: 'test',
  version: '1',
  instructions: 'some',
  tools: TOOLS,
  call: async (name: string, args: unknown) => {
    if (name === 'mesh_peers') throw new Error('broken')
    return { content: [{ type: 'text' as const, text: JSON.stringify([name, args]) }] }
  },
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const line = (value: unknown): string => `${JSON.stringify(value)}\n`

/** What is answered to these chunks, by id. */
async function answers(chunks: readonly Uint8Array[]): Promise<Record<string, unknown>> {
  const lines: string[] = []
  await serveTools(
    server,
    (async function* () {
      yield* chunks
    })(),
    text => lines.push(text),
  )
  // What is under way when the input ends needs no timer: a few turns of the queue.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  return Object.fromEntries(
    lines.map(text => JSON.parse(text)).map(({ id, result, error }) => [String(id), result ?? error]),
  )
}

describe('the tools on stdio', () => {
  test('speak every version of the protocol that its own library speaks', () => {
    expect(PROTOCOL_VERSIONS).toEqual(SUPPORTED_PROTOCOL_VERSIONS)
  })

  test.each(TOOLS)('tell the model the arguments that $name takes, no others', ({ name, inputSchema }) => {
    const plain = JSON.parse(
      JSON.stringify(inputSchema, (key, value) => (key === 'description' ? undefined : value)),
    )
    const { $schema, additionalProperties, ...taken } = z.toJSONSchema(ARGUMENTS[name], { io: 'input' })
    expect(plain).toEqual(taken)
  })

  test('are there for the library’s own client, from the program that claude starts', async () => {
    const client = new Client({ name: 'test', version: '1' })
    const bun = [process.execPath, '--no-env-file', '--no-install', '--config=/dev/null']
    const program = fileURLToPath(new URL('./main.ts', import.meta.url))
    await client.connect(
      new StdioClientTransport({
        command: bun[0]!,
        args: [...bun.slice(1), program],
        env: { CLAUDEMESH_HOME: '/nowhere', PATH: process.env.PATH ?? '' },
      }),
    )
    try {
      expect(client.getInstructions()).toBe(INSTRUCTIONS)
      expect(client.getServerVersion()?.name).toBe('claudemesh')
      expect((await client.listTools()).tools).toEqual(TOOLS)
      await client.ping()
      expect(await client.callTool({ name: 'mesh_peers', arguments: {} })).toEqual({
        content: [
          {
            type: 'text',
            text: 'NOT done: The daemon is not running. Start it: `claudemesh daemon start`. (unreachable)\n{"daemon":"absent"}',
          },
        ],
        isError: true,
      })
      const refused = await client.callTool({ name: 'mesh_send', arguments: { to: 'alice', text: '' } })
      expect(refused).toMatchObject({
        isError: true,
        content: [{ text: expect.stringMatching(/^NOT done: text: /) }],
      })
      await expect(client.callTool({ name: 'mesh_none' })).rejects.toMatchObject({ code: -32602 })
      await expect(client.listPrompts()).rejects.toThrow()
    } finally {
      await client.close()
    }
  })

  test('answer alike wherever the bytes are cut', async () => {
    const call = (id: string, text: string) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'mesh_send', arguments: { text } },
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 17 }),
        async (texts, size) => {
          const sent = bytes(texts.map((text, n) => line(call(`${n}`, text))).join(''))
          const chunks = Array.from({ length: Math.ceil(sent.length / size) }, (_, n) =>
            sent.slice(n * size, (n + 1) * size),
          )
          expect(await answers(chunks)).toEqual(
            Object.fromEntries(
              texts.map((text, n) => [
                n,
                { content: [{ type: 'text', text: JSON.stringify(['mesh_send', { text }]) }] },
              ]),
            ),
          )
        },
      ),
      { numRuns: 50 },
    )
  })

  test('refuse what is no request and what they do not know, and go on', async () => {
    const request = (id: number, method: string, params?: unknown) =>
      line({ jsonrpc: '2.0', id, method, params })
    const all = [
      request(1, 'server/discover'),
      request(2, 'tools/call', { name: 'mesh_peers' }),
      request(3, 'tools/call', 7),
      request(4, 'initialize', { protocolVersion: '1999-01-01' }),
      line({ jsonrpc: '2.0', method: 'notifications/initialized' }),
      line({ jsonrpc: '2.0', id: 5, result: {} } satisfies JSONRPCMessage),
      '\n',
      request(6, 'ping'),
    ]
    expect(await answers([bytes(all.join(''))])).toEqual({
      1: { code: -32601, message: 'no method server/discover' },
      2: { code: -32603, message: 'Error: broken' },
      3: { code: -32602, message: 'no tool undefined' },
      4: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'test', version: '1' },
        instructions: 'some',
      },
      6: {},
    })
    for (const [wrong, code] of [
      ['{', -32700],
      ['[]', -32600],
      ['null', -32600],
      ['{"id":{},"method":"ping"}', -32600],
      ['{"id":1,"method":2}', -32600],
    ] as const)
      expect(await answers([bytes(`${wrong}\n`)])).toMatchObject({ null: { code } })
  })

  test('end at a message without an end', async () => {
    const endless = (async function* () {
      for (;;) yield new Uint8Array(1 << 20).fill(0x61)
    })()
    await expect(serveTools(server, endless, () => {})).rejects.toThrow('too long')
  })
})
