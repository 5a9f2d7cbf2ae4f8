/** What a socket carries: text, or bytes. */
export type Frame = string | Uint8Array
