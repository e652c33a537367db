import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { RolloutView } from '../../../../src/wire/api.ts'
import type { RunView } from '../../../../src/wire/jobs.ts'
import { rolloutRunsQuery } from '../../api/app-queries.ts'
import { Panel } from '../../marks/panel.tsx'
import { RunOutput } from '../../marks/run-output.tsx'
import { isOver } from '../../words/states.ts'
import { asSentence } from '../../words/sentences.ts'
import styles from './rollout.module.css'

/** What tests, journeys and migrations of this rollout print, while they print it. */
export function RunsPanel({ rollout }: { readonly rollout: RolloutView }) {
  const { data: runs = [] } = useQuery(rolloutRunsQuery(rollout.id, isOver(rollout.state)))
  const [chosen, setChosen] = useState<string>()
  const shown = runs.find(({ id }) => id === chosen) ?? runs[0]
  if (shown === undefined) return null
  return (
    <Panel title="What its tests print" note={asSentence(shown.because)}>
      {runs.length > 1 && (
        <div className={styles.runs} role="group" aria-label="Runs">
          {runs.map((run) => (
            <button
              key={run.id}
              type="button"
              aria-pressed={run === shown}
              onClick={() => setChosen(run.id)}
            >
              {nameOf(run)}
            </button>
          ))}
        </div>
      )}
      <p className={styles.stepBecause}>
        <code>{shown.spec.run.join(' ')}</code>
      </p>
      <RunOutput id={shown.id} />
    </Panel>
  )
}

function nameOf({ job, purpose }: RunView): string {
  return purpose === 'test' ? 'test' : `${purpose} ${job}`
}
