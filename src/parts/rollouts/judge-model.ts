import Type, { type Static } from 'typebox'

/** What the manifest's judge step may limit. */
export const JudgeCriterion = Type.Enum(['errors', 'p50', 'p95', 'p99'])
export type JudgeCriterion = Static<typeof JudgeCriterion>

/** `inconclusive`: neither is proven, and the rollout holds. */
export const JudgeVerdict = Type.Enum(['pass', 'fail', 'inconclusive'])
export type JudgeVerdict = Static<typeof JudgeVerdict>

/** One limit of the judge step, with all numbers that its verdict comes from. */
export const JudgeFinding = Type.Object({
  criterion: JudgeCriterion,
  /** errors: the share of failed requests (0 to 1); otherwise ms; null where nothing was measured. */
  canary: Type.Union([Type.Number(), Type.Null()]),
  baseline: Type.Union([Type.Number(), Type.Null()]),
  /** errors: by how much the share may be higher; otherwise the allowed rise (0.2: +20 %). */
  limit: Type.Number(),
  /** The chance to see the canary so far on its side of the limit if it stood exactly on it. */
  pValue: Type.Number(),
  /** 1 - pValue: how sure it is that the canary stands on the side where it was seen. */
  confidence: Type.Number(),
  verdict: JudgeVerdict,
  /**
   * Inconclusive: so many more requests per group would decide it four times in five, if the two go
   * on as they did; at most a million, which also stands for "more than that". Otherwise null.
   */
  moreRequests: Type.Union([Type.Integer(), Type.Null()]),
})
export type JudgeFinding = Static<typeof JudgeFinding>

/** How many answers of each group took up to `untilMs`, and longer than the entry before. */
export const JudgeLatency = Type.Object({
  untilMs: Type.Number(),
  canary: Type.Integer(),
  baseline: Type.Integer(),
})
export type JudgeLatency = Static<typeof JudgeLatency>

/** What comparing a canary with its baseline has found. */
export const JudgeReport = Type.Object({
  verdict: JudgeVerdict,
  /** One sentence for people. */
  because: Type.String(),
  /** Requests that ended per group. */
  requests: Type.Object({ canary: Type.Integer(), baseline: Type.Integer() }),
  findings: Type.Array(JudgeFinding),
  /** Both distributions, quickest first; missing on reports of before they were kept. */
  latency: Type.Optional(Type.Array(JudgeLatency)),
})
export type JudgeReport = Static<typeof JudgeReport>
