/** How rows name mailboxes and recipients. */

/** Whose mailbox: the Claude session UUID, or `''` for the person. */
export type Owner = string
/** `recipientKey()` of `@claudemesh/crypto`: base64url member, `/`, base64url session or nothing. */
export type RecipientKey = string
