/** The words both ends of the wire agree on: schemas, types, codecs, error and close codes. Imports nothing of ours. */
export { compareBytes, concatBytes, equalBytes, fromBase64url, toBase64url } from './bytes.ts'
export { encodeAccepted } from './codec/accepted.ts'
export { type DeliverItem, deliverHeadSize, deliverItemSize, encodeDeliver } from './codec/deliver.ts'
export { decodeFrame, encodeFrame } from './codec/frame.ts'
export { decodeHeader, encodeHeader } from './codec/header.ts'
export {
  type BrokenEnvelope,
  type RawEnvelope,
  type ScannedEnvelope,
  type ScannedSend,
  scanSend,
} from './codec/scan-send.ts'
export { dataFrameSchema } from './data-frame-schema.ts'
export * from './data-frames.ts'
export * from './envelope.ts'
export * from './errors.ts'
export * from './frames.ts'
export * from './infer-status.ts'
export {
  encodeBrokerFrame,
  encodeClientFrame,
  encodeRosterFrame,
  parseBrokerFrame,
  parseClientFrame,
} from './json-frames.ts'
export * from './limits.ts'
export { parseAs } from './parse-as.ts'
export * from './plaintext.ts'
export * from './plaintext-codec.ts'
export * from './records.ts'
export * from './roster.ts'
export * from './schema.ts'
