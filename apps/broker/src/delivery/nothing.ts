/** The list of whoever has nothing: one for all of them, since most attachments are idle most of the time. Frozen: it is replaced, never filled. */
export const NOTHING = Object.freeze([]) as readonly never[] as never[]
