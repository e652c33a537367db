import type { RolloutView } from '../../../../src/wire/api.ts'
import { Panel } from '../../marks/panel.tsx'
import { latency, percent } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
import { CompareTable } from './compare-table.tsx'
import { Distributions } from './distributions.tsx'
import styles from './rollout.module.css'

type Report = NonNullable<NonNullable<RolloutView['judging']>['report']>
type Finding = Report['findings'][number]

/** What the comparison of the canary with its baseline has found, criterion by criterion. */
export function JudgePanel({ rollout }: { readonly rollout: RolloutView }) {
  const report = rollout.judging?.report
  if (report === undefined || report === null) return null
  return (
    <Panel title="Judge" note={`${report.verdict}, canary against baseline`}>
      <p className={styles.stepBecause}>{asSentence(report.because)}</p>
      <CompareTable
        caption="Canary and baseline by criterion"
        columns={['canary', 'baseline', 'limit', 'verdict']}
        lines={report.findings.map((finding) => [
          finding.criterion,
          [
            { text: shown(finding, finding.canary), isFailing: finding.verdict === 'fail' },
            { text: shown(finding, finding.baseline) },
            { text: `+${percent(finding.limit)}` },
            { text: finding.verdict },
          ],
        ])}
      />
      {report.latency !== undefined && <Distributions latency={report.latency} />}
    </Panel>
  )
}

function shown({ criterion }: Finding, value: number | null): string | null {
  if (value === null) return null
  return criterion === 'errors' ? percent(value) : latency(value)
}
