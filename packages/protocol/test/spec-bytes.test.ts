/** Builds what is signed and hashed from the field lists of SPEC.md alone, and holds it against the vectors of crypto. */
import { verify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fieldsUnder, itemsOf, namedFields, repoFile, table } from './spec-reader.ts'

type Value = Uint8Array | string | number | null | Value[][]
interface Named {
  readonly [name: string]: unknown
}

const utf8 = new TextEncoder()

function u32(n: number): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, n)
  return out
}

function contentOf(value: Exclude<Value, null>): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string') return utf8.encode(value)
  if (typeof value !== 'number') return Buffer.concat([u32(value.length), ...value.map(encodeFields)])
  const out = Buffer.alloc(8)
  out.writeBigUInt64BE(BigInt(value))
  return out
}

function encodeFields(values: readonly Value[]): Uint8Array {
  const parts = values.flatMap(value => {
    if (value === null) return [u32(0xffff_ffff)]
    const content = contentOf(value)
    return [u32(content.length), content]
  })
  return Buffer.concat(parts)
}

const signedBytes = (domain: string, values: readonly Value[]): Uint8Array =>
  Buffer.concat([utf8.encode(`claudemesh/v1/${domain}`), encodeFields(values)])
const hash = (domain: string, values: readonly Value[]): Uint8Array =>
  new Bun.CryptoHasher('blake2b256').update(signedBytes(domain, values)).digest()
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** An ed25519 public key in the form that node reads (RFC 8410). */
const spki = (key: Uint8Array) => Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
const holds = (domain: string, values: readonly Value[], signature: unknown, key: unknown): boolean =>
  verify(
    null,
    signedBytes(domain, values),
    { key: spki(key as Uint8Array), format: 'der', type: 'spki' },
    signature as Uint8Array,
  )

/** The particular half of a vector file, its byte strings as bytes. */
function vector(domain: string): Named {
  const text = repoFile(`packages/crypto/test/vectors/${domain}.json`)
  const revive = (_: string, value: unknown) =>
    typeof value === 'string' && value.startsWith('hex:')
      ? new Uint8Array(Buffer.from(value.slice(4), 'hex'))
      : value
  return (JSON.parse(text, revive) as { particular: Named }).particular
}

const camel = (words: string) => words.replace(/ (\w)/g, (_, letter: string) => letter.toUpperCase())
const uuid = (value: Value): Value =>
  typeof value === 'string' ? new Uint8Array(Buffer.from(value.replaceAll('-', ''), 'hex')) : value

/** What a field of SPEC.md is in a record; a name that the record lacks throws. */
function fieldValue(item: string, record: Named): Value {
  const list = /^list of \[(.*)\]$/.exec(item)
  if (list) return listOf(itemsOf(list[1]!), record)
  const bound = /^hash\("(\w+)", \[sealed (\w+)\]\)$/.exec(item)
  if (bound) return hash(bound[1]!, [fieldValue(bound[2]!, record)])
  const [, words, size, absent] = /^(.*?)( 16)?( or absent)?$/.exec(item)!
  const side = /^(from|to) (\w+)$/.exec(words!)
  const path = side ? [side[1]!, side[2]!] : camel(words!).split('.')
  let found: unknown = record
  for (const name of path) found = found === null ? null : at(found as Named, name)
  if (found === undefined) throw new Error(`no ${item} in ${Object.keys(record)}`)
  if (found === null && !absent && !('nullable' in record)) throw new Error(`${item} is absent`)
  return size ? uuid(found as Value) : (found as Value)
}

const at = (record: Named, name: string): unknown =>
  name in record ? record[name] : (record.bundle as Named | undefined)?.[name]

function listOf(names: string[], record: Named): Value[][] {
  if (names.length === 1) return (record[`${names[0]}s`] as Value[]).map(value => [value])
  const elements = (record.items ?? record.former ?? record.to) as Named[]
  return elements.map(element => {
    const flat = { ...element, ...(element.recipient as Named | undefined) }
    return names.map(name => fieldValue(name, flat))
  })
}

const values = (items: readonly string[], record: Named): Value[] =>
  items.map(item => fieldValue(item, record))

describe('from SPEC.md alone come the very bytes that were signed:', () => {
  const { certificate } = vector('certificate') as { certificate: Named }
  const session = vector('bundle').prekey as Named
  const person = (vector('bundle').person as Named).prekey as Named
  const [alias, hello, attach, presence, receipt] = ['alias', 'hello', 'attach', 'presence', 'receipt'].map(
    vector,
  )
  test.each<[string, Named, unknown, unknown]>([
    ['certificate', certificate, certificate.memberSignature, certificate.member],
    ['certificate', certificate, certificate.sessionSignature, certificate.session],
    ['alias', alias!, alias!.signature, alias!.session],
    ['bundle', session, session.signature, session.session],
    ['bundle', person, person.signature, person.member],
    ['hello', hello!, hello!.signature, hello!.key],
    ['attach', attach!, attach!.signature, attach!.key],
    ['presence', presence!, presence!.signature, presence!.session],
    ['receipt', receipt!, receipt!.signature, (receipt!.from as Named).session],
  ])('%s', (domain, record, signature, signer) => {
    const signed = values(fieldsUnder('sign', domain), record)
    expect(holds(domain, signed, signature, signer)).toBe(true)
    expect(holds(domain, signed.toReversed(), signature, signer)).toBe(false)
  })

  test('fact', () => {
    const { fact, brokerKey } = vector('fact') as { fact: Named; brokerKey: Uint8Array }
    expect(holds('fact', values(fieldsUnder('sign', 'fact'), fact), fact.signature, brokerKey)).toBe(true)
  })

  test('roster entries of every kind, their hashes and the mesh id', () => {
    const { mesh, entries } = vector('roster') as { mesh: Uint8Array; entries: Named[] }
    const bodies = new Map(table('kind', 'fields of the body').map(row => [row[0]!.slice(1, -1), row[2]!]))
    const inviteKey = (entries.find(({ kind }) => kind === 'invite')!.body as Named).key
    const hashes = entries.map(entry => {
      const signatures = entry.signatures as Uint8Array[]
      const body = values(itemsOf(bodies.get(entry.kind as string)!), bodyOf(entry))
      const fields = namedFields('entryFields').map(item =>
        item === 'encodeFields(bodyFields)' ? encodeFields(body) : (entry[item] as Value),
      )
      expect(holds('roster', fields, signatures[0], entry.author)).toBe(true)
      if (entry.kind === 'join') expect(holds('join', fields, signatures[1], inviteKey)).toBe(true)
      return hex(hash('roster', [...fields, signatures.map(signature => [signature])]))
    })
    expect(new Set(entries.map(entry => entry.kind))).toEqual(new Set(bodies.keys()))
    expect(hashes[0]).toBe(hex(mesh))
    expect(hashes.slice(0, -1)).toEqual(entries.slice(1).map(entry => hex(entry.prev as Uint8Array)))
  })

  test('the hashes of a certificate, a prekey, a content key, the recipients and a leaf', () => {
    const { certificate, hash: certificateHash } = vector('certificate') as Named
    const { prekey, id } = vector('bundle') as Named
    const commit = vector('commit')
    const envelope = vector('envelope')
    const { leaf, hash: leafHash } = vector('leaf') as Named
    const header = (envelope.sealed as Named).header as Named
    const of = (domain: string, record: Named) =>
      hex(hash(domain, values(fieldsUnder('hash', domain), record)))
    expect(of('certificate', certificate as Named)).toBe(hex(certificateHash as Uint8Array))
    expect(of('bundle', prekey as Named).slice(0, 32)).toBe(hex(id as Uint8Array))
    expect(of('commit', { ...commit, K: commit.key })).toBe(hex(commit.hash as Uint8Array))

    const to = namedFields('headerFields').at(-1)!
    expect(hex(hash('envelope', [fieldValue(to, header)]))).toBe(hex(envelope.toHash as Uint8Array))

    const { fields, ...rest } = leaf as Named
    const inside = fieldsUnder('signedBytes', 'leaf').map(item =>
      item === 'encodeFields(fields)' ? encodeFields(fields as Value[]) : fieldValue(item, rest),
    )
    const bytes = Buffer.concat([Uint8Array.of(0), signedBytes('leaf', inside)])
    expect(new Bun.CryptoHasher('sha256').update(bytes).digest('hex')).toBe(hex(leafHash as Uint8Array))
  })

  test('a safety number: its hash, its digits and, from the list that BIP39 names, its words', () => {
    const { ends, hash: digest, digits, words } = vector('safety') as Record<string, Named & string[]>
    const keys = [ends!.mine, ends!.theirs].map(key => hex(key as Uint8Array)).toSorted()
    const [lower, higher] = keys.map(key => new Uint8Array(Buffer.from(key, 'hex')))
    const signed = values(fieldsUnder('hash', 'safety'), { mesh: ends!.mesh, lower, higher })
    expect(hex(hash('safety', signed))).toBe(hex(digest as unknown as Uint8Array))
    const number = BigInt(`0x${hex(digest as unknown as Uint8Array)}`) % 10n ** 60n
    expect(digits!.join('')).toBe(number.toString().padStart(60, '0'))
    expect([digits!.length, words!.length]).toEqual([12, 15])
  })

  test('the header of an envelope, in the order of crypto', () => {
    const source = repoFile('packages/crypto/src/envelope-header.ts')
    const inCode = /headerFields = [^[]*\[\]\s*=> \[([\s\S]*?)\n\]/.exec(source)![1]!
    const said = namedFields('headerFields')
      .filter(item => item !== 'from session or absent')
      .map(item => {
        if (item.startsWith('list of')) return 'toList(h.to)'
        return item === 'from member' ? '...recipientFields(h.from)' : `h.${item}`
      })
    expect(said).toEqual(itemsOf(inCode).filter(item => item !== ''))
  })
})

/** A body with the fields of its epoch beside its own: `remove` has all four or none. */
function bodyOf({ body, kind }: Named): Named {
  const own = body as Named
  if (kind === 'broker') return { ...own, log: own.log ?? { old: null, now: null } }
  if (kind !== 'remove' && kind !== 'rekey') return own
  const none = { number: null, commitment: null, root: null, previous: null, nullable: true }
  return { ...own, ...((own.epoch as Named | null) ?? none) }
}
