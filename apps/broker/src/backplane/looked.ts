/** What a node has seen of the others. */

/** What one look leaves for the next. */
export interface Looked {
  /** ms since 1970 of the last whole look. */
  at: number
  /** Other nodes at the last count. */
  others: number
  /** Leases that changed before this time of the database were told; `null` before the first look. */
  leasesUntil: number | null
  /** Something may have been missed: the next look is a whole one. */
  due: boolean
  /** It comes before its time. */
  soon: boolean
}

/** Where a broker begins: it has seen all there is when it starts. */
export const firstLook = (): Looked => ({ at: 0, others: 0, leasesUntil: null, due: false, soon: false })
