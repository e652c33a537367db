import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { RolloutView } from '../../../../src/wire/api.ts'
import { ApiFailure } from '../../api/client.ts'
import { rolloutQuery } from '../../api/queries.ts'
import { FailureNotice } from '../../marks/panel.tsx'
import { Lost } from '../session/lost-page.tsx'
import { HarbourPanel } from './harbour-panel.tsx'
import { JudgePanel } from './judge-panel.tsx'
import { Proof } from './proof.tsx'
import { RolloutHead, versionsOf } from './rollout-head.tsx'
import { RunsPanel } from './runs-panel.tsx'
import { StepsPanel } from './steps-panel.tsx'
import { BeforeDuringAfter, ByInstance, ByService } from './window-tables.tsx'
import styles from './rollout.module.css'

const route = getRouteApi('/signed-in/rollouts/$environment/$tenant/$app/$id')

/** One rollout: the ships, the steps, and what it cost, counted while one looks on. */
export function RolloutPage() {
  const { id, ...at } = route.useParams()
  const { data: rollout, error } = useQuery(rolloutQuery(at, id))
  if (rollout !== undefined) return <Told key={id} rollout={rollout} />
  if (error instanceof ApiFailure && error.status === 404) return <Lost />
  if (error !== null) return <FailureNotice error={error} />
  return <Skeleton height={520} />
}

function Told({ rollout }: { readonly rollout: RolloutView }) {
  return (
    <>
      <title>{`${rollout.at.app} ${versionsOf(rollout)} · Roadstead`}</title>
      <RolloutHead rollout={rollout} />
      <div className={styles.page}>
        <Proof rollout={rollout} />
        <HarbourPanel rollout={rollout} />
        <div className={styles.pair}>
          <StepsPanel steps={[...rollout.steps, ...(rollout.after ?? [])]} />
          <BeforeDuringAfter ledger={rollout.ledger} />
        </div>
        <RunsPanel rollout={rollout} />
        <JudgePanel rollout={rollout} />
        <ByService rollout={rollout} />
        <ByInstance rollout={rollout} />
      </div>
    </>
  )
}
