import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { AppView } from '../../../../src/wire/api.ts'
import { appsQuery } from '../../api/queries.ts'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { curveName } from '../../traffic/history.ts'
import { plural } from '../../words/numbers.ts'
import { AppPanel } from './app-panel.tsx'
import { ChangesPanel } from './changes-panel.tsx'
import { DenseMatrix } from './dense-matrix.tsx'
import { Matrix } from './matrix.tsx'
import { NodesPanel } from './nodes-panel.tsx'
import styles from './overview.module.css'

/** More apps than this, each in its cell, are told in a line each and not in tiles with curves. */
const tilesMax = 24

const route = getRouteApi('/signed-in/')

/** Apps by cells: what runs where, how it does, and what changed lately. */
export function OverviewPage() {
  const { data: apps, error } = useQuery(appsQuery)
  const { at } = route.useSearch()
  const chosen =
    apps?.find((app) => curveName(app.at) === at) ?? (at === undefined ? apps?.[0] : undefined)
  return (
    <>
      <title>Overview · Roadstead</title>
      <div className={styles.head}>
        <h1>Overview</h1>
        <p>{apps === undefined ? '\u00a0' : sentenceOf(apps)}</p>
      </div>
      {error !== null && apps === undefined && <FailureNotice error={error} />}
      <div className={styles.page}>
        <div className={styles.column}>
          <Panel title="Apps and cells" note="app by environment/tenant">
            {apps === undefined ? <Skeleton height={120} /> : <Apps apps={apps} chosen={chosen} />}
          </Panel>
          {chosen !== undefined && <AppPanel key={curveName(chosen.at)} app={chosen} />}
        </div>
        <div className={styles.column}>
          <ChangesPanel />
          <NodesPanel />
        </div>
      </div>
    </>
  )
}

function Apps(props: { readonly apps: readonly AppView[]; readonly chosen: AppView | undefined }) {
  if (props.apps.length > tilesMax) return <DenseMatrix {...props} />
  if (props.apps.length > 0) return <Matrix {...props} />
  return (
    <Empty title="No app lies in the roadstead yet" command="roadstead init && roadstead deploy">
      In the folder of your app, describe it and deploy it:
    </Empty>
  )
}

/** The state of everything in one sentence. */
function sentenceOf(apps: readonly AppView[]): string {
  if (apps.length === 0) return 'nothing is deployed yet'
  const cells = new Set(apps.map(({ at }) => `${at.environment}/${at.tenant}`)).size
  const names = new Set(apps.map(({ at }) => at.app)).size
  const sick = apps.filter(({ health }) => health === 'degraded' || health === 'down').length
  const rolling = apps.filter(({ rolloutId }) => rolloutId !== null).length
  const parts = [`${plural(names, 'app')} in ${plural(cells, 'cell')}`]
  if (rolling > 0) parts.push(`${plural(rolling, 'rollout')} under way`)
  parts.push(sick === 0 ? 'all is well' : `${sick} need${sick === 1 ? 's' : ''} a look`)
  return parts.join(' · ')
}
