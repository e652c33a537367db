import type { RolloutView } from '../../../../src/wire/api.ts'
import { Panel } from '../../marks/panel.tsx'
import { latency, unknown } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
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
      <table className={styles.compare}>
        <caption className="visually-hidden">Canary and baseline by criterion</caption>
        <thead>
          <tr>
            <td />
            <th scope="col">canary</th>
            <th scope="col">baseline</th>
            <th scope="col">limit</th>
            <th scope="col">verdict</th>
          </tr>
        </thead>
        <tbody>
          {report.findings.map((finding) => (
            <tr key={finding.criterion}>
              <th scope="row">{finding.criterion}</th>
              <td data-failing={finding.verdict === 'fail'}>{shown(finding, finding.canary)}</td>
              <td>{shown(finding, finding.baseline)}</td>
              <td>+{percent(finding.limit)}</td>
              <td>{finding.verdict}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}

function shown({ criterion }: Finding, value: number | null): string {
  if (value === null) return unknown
  return criterion === 'errors' ? percent(value) : latency(value)
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`
}
