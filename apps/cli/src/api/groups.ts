/** Groups as they are written: `core/backend:lead` is the role `lead` in the group `core/backend`, which `@core` reaches too. */

interface Group {
  /** With `/` between what is above and what is below. */
  readonly path: string
  readonly role: string | undefined
}

export function readGroup(written: string): Group {
  const colon = written.indexOf(':')
  if (colon < 0) return { path: written, role: undefined }
  return { path: written.slice(0, colon), role: written.slice(colon + 1) }
}

/** Whether `@asked` reaches who is in `group`: itself or one above it, in any role unless one is asked for. */
export function reaches(asked: string, group: string): boolean {
  const [want, has] = [readGroup(asked), readGroup(group)]
  if (want.role !== undefined && want.role !== has.role) return false
  return has.path === want.path || has.path.startsWith(`${want.path}/`)
}

/** `a, b:lead,` → `['a', 'b:lead']`; `undefined` stays so. */
export const splitGroups = (list: string | undefined): string[] | undefined =>
  list
    ?.split(',')
    .map(group => group.trim())
    .filter(group => group !== '')
