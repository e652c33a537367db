import Type, { type Static } from 'typebox'
import { Checkpoint, SealedRecord } from '../parts/audit/model.ts'

/** Lines of the chain in one answer at the most: some 2 MB. */
export const chainLinesMax = 5_000

/** GET /v1/audit/chain: the lines as they are kept, so that the reader can verify each byte. */
export const ChainPage = Type.Object({
  items: Type.Array(
    Type.Object({
      segment: Type.String(),
      /** From 1. */
      line: Type.Integer(),
      text: Type.String(),
    }),
  ),
  /** The `cursor` of the next page; absent where the chain ends. */
  next: Type.Optional(Type.String()),
})
export type ChainPage = Static<typeof ChainPage>

/** GET /v1/audit/records: sealed records, the newest first. */
export const AuditPage = Type.Object({
  items: Type.Array(SealedRecord),
  /** The `before` of the next page; absent when all that there is was looked at. */
  next: Type.Optional(Type.Integer()),
})
export type AuditPage = Static<typeof AuditPage>

/** GET /v1/audit/checkpoint: the newest one, and the key to check its signature with. */
export const CheckpointAnswer = Type.Object({
  /** Null before the first, a minute after the first start. */
  checkpoint: Type.Union([Checkpoint, Type.Null()]),
  /** PEM. */
  publicKey: Type.String(),
})
export type CheckpointAnswer = Static<typeof CheckpointAnswer>
