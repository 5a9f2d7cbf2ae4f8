/** Names of one mesh that a reader may take for each other, by the skeletons of Unicode (UTS #39), said before anybody is fooled. */
import { harmlessLine } from './harmless.ts'
import { typedKey } from './names.ts'

interface Member {
  readonly mesh: string
  readonly name: string
  /** Base64url of its key. */
  readonly member: string
  readonly verified: boolean
  readonly self: boolean
}

/** One line for each set of members whose names look alike, or are the same, and not all of whom a person confirmed. */
export async function lookAlikes(all: readonly Member[]): Promise<string[]> {
  const members = [...new Map(all.map(each => [`${each.mesh}\n${each.member}`, each])).values()]
  if (members.every(isSure)) return []
  const skeletons = await skeletonsOf()
  const alike = new Map<string, Set<Member>>()
  for (const each of members)
    for (const skeleton of skeletons(each.name)) {
      const place = `${each.mesh}\n${skeleton}`
      alike.set(place, (alike.get(place) ?? new Set()).add(each))
    }
  const sets = [...alike.values()].filter(set => set.size > 1 && ![...set].every(isSure))
  return [...new Set(sets.map(set => told([...set])))]
}

const isSure = ({ verified, self }: Member): boolean => verified || self

function told(members: readonly Member[]): string {
  const names = members.map(each => {
    const whose = each.self ? ', you' : each.verified ? ', verified' : ''
    return `${harmlessLine(each.name)} (${each.member.slice(0, 12)}${whose})`
  })
  const keys = members.filter(each => !isSure(each)).map(each => typedKey(each.member))
  return `Names that look alike in ${harmlessLine(members[0]!.mesh)}: ${names.join(', ')}. They are different people; who is who: claudemesh verify ${keys[0]}`
}

/**
 * Two names that share one of these look alike: drawn with the same strokes, as they are or in small letters. The table is read where
 * it is needed alone, and as data, not as a module: it is 120 KB.
 */
async function skeletonsOf(): Promise<(name: string) => Set<string>> {
  const table = Bun.file(new URL(import.meta.resolve('unhomoglyph/data.json')))
  const drawnAs: Readonly<Record<string, string>> = await table.json()
  const drawn = (text: string) => [...text].map(one => drawnAs[one] ?? one).join('')
  return name => {
    const plain = name.normalize('NFKD').replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    return new Set([drawn(plain), drawn(plain.toLowerCase()), drawn(drawn(plain).toLowerCase())])
  }
}
