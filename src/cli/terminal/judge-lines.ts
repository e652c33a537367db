import { percentText } from '../../base/words.ts'
import type { JudgeFinding } from '../../parts/rollouts/judge-model.ts'
import type { RolloutView } from '../../wire/api.ts'
import { durationText } from './format.ts'
import { print, printTable, toned, type Tone } from './output.ts'

/** What a comparison of old and new has found, with its numbers. */
export async function printJudging(view: RolloutView): Promise<void> {
  const report = view.judging?.report
  if (report === null || report === undefined) return
  print()
  print(`judge: ${toned(report.verdict, tones[report.verdict])}: ${report.because}`)
  const { proceed } = view
  if (proceed !== undefined) print(`  ${proceed.by} let it go on`)
  print()
  await printTable(
    report.findings,
    [
      { title: 'CRITERION', of: ({ criterion }) => criterion },
      { title: 'CANARY', align: 'right', of: (finding) => valueText(finding, finding.canary) },
      { title: 'BASELINE', align: 'right', of: (finding) => valueText(finding, finding.baseline) },
      { title: 'LIMIT', align: 'right', of: ({ limit }) => `+${percentText(limit)}` },
      { title: 'CONFIDENCE', align: 'right', of: ({ confidence }) => percentText(confidence) },
      { title: 'VERDICT', of: ({ verdict }) => toned(verdict, tones[verdict]) },
    ],
    'no criterion was compared',
  )
}

const tones: Readonly<Record<JudgeFinding['verdict'], Tone>> = {
  pass: 'well',
  fail: 'wrong',
  inconclusive: 'moving',
}

/** Errors are a share; the others are times. */
function valueText({ criterion }: JudgeFinding, value: number | null): string {
  if (value === null) return '-'
  return criterion === 'errors' ? percentText(value) : durationText(value)
}

/** What follows a rollout, a line each: how far it is, and what it waits for. */
export function printAfter({ after = [] }: RolloutView): void {
  for (const { kind, state, because } of after) {
    print(`follows: ${kind} ${state}${because === '' ? '' : `: ${because}`}`)
  }
}
