import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { AppView } from '../../../../src/wire/api.ts'
import { appsQuery } from '../../api/queries.ts'
import { Choice, TextField } from '../../marks/fields.tsx'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { curveName } from '../../traffic/history.ts'
import { count, plural } from '../../words/numbers.ts'
import { AppPanel } from './app-panel.tsx'
import { ChangesPanel } from './changes-panel.tsx'
import { DenseMatrix } from './dense-matrix.tsx'
import { fitting, isWrong, onlyOf, onlyWords, type OverviewSearch } from './dense-rows.ts'
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
        <p>{apps === undefined ? '\u00a0' : <Sentence apps={apps} />}</p>
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
  const { apps, chosen } = props
  const { q, only } = route.useSearch()
  const shown = useMemo(() => fitting(apps, { q, only }), [apps, q, only])
  if (apps.length === 0) {
    return (
      <Empty title="No app lies in the roadstead yet" command="roadstead init && roadstead deploy">
        In the folder of your app, describe it and deploy it:
      </Empty>
    )
  }
  const isLarge = apps.length > tilesMax
  const isNarrowed = q !== undefined || only !== undefined
  return (
    <>
      {(isLarge || isNarrowed) && (
        <Filters q={q} only={only} note={isNarrowed ? `${count(shown.length)} fit` : undefined} />
      )}
      {shown.length === 0 && (
        <Empty title={only === 'wrong' ? 'All is as it should be' : 'Nothing fits'}>
          {plural(apps.length, 'place')} of an app in a cell were looked through.
        </Empty>
      )}
      {shown.length > 0 && isLarge && <DenseMatrix apps={shown} chosen={chosen} />}
      {shown.length > 0 && !isLarge && <Matrix apps={shown} chosen={chosen} />}
    </>
  )
}

/** What narrows the matrix; it stands in the address. */
function Filters({ q, only, note }: OverviewSearch & { readonly note: string | undefined }) {
  const navigate = route.useNavigate()
  const change = (part: OverviewSearch): void =>
    void navigate({
      search: (before) => ({ ...before, ...part }),
      replace: true,
      resetScroll: false,
    })
  return (
    <div className={styles.filters} role="search" aria-label="Apps">
      <TextField label="App, cell or version" text={q} onChange={(text) => change({ q: text })} />
      <Choice
        label="Health"
        value={only ?? ''}
        all="In any state"
        options={Object.entries(onlyWords)}
        onChange={(value) => change({ only: onlyOf(value) })}
      />
      <span role="status">{note}</span>
    </div>
  )
}

/** The state of everything in one sentence. */
function Sentence({ apps }: { readonly apps: readonly AppView[] }) {
  if (apps.length === 0) return 'nothing is deployed yet'
  const cells = new Set(apps.map(({ at }) => `${at.environment}/${at.tenant}`)).size
  const names = new Set(apps.map(({ at }) => at.app)).size
  const wrong = apps.filter(isWrong).length
  const rolling = apps.filter(({ rolloutId }) => rolloutId !== null).length
  return (
    <>
      {plural(names, 'app')} in {plural(cells, 'cell')}
      {rolling > 0 && ` · ${plural(rolling, 'rollout')} under way`}
      {' · '}
      {wrong === 0 ? (
        'all is well'
      ) : (
        <Link to="/" search={(before) => ({ ...before, only: 'wrong' })} activeProps={{}}>
          {count(wrong)} need{wrong === 1 ? 's' : ''} a look
        </Link>
      )}
    </>
  )
}
