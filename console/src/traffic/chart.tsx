import { useComputedColorScheme } from '@mantine/core'
import { lazy, Suspense, useSyncExternalStore } from 'react'
import { rate } from '../words/numbers.ts'
import { trafficHistory } from './history.ts'
import type { ChartProps } from './chart-props.ts'
import styles from './traffic.module.css'

const Plot = lazy(async () => ({ default: (await import('./plot.tsx')).Plot }))

/** Requests and failures per second over the last minutes; its place is kept while it loads. */
export function Chart(props: {
  /** `curveName()` of what is drawn. */
  readonly name: string
  readonly look: ChartProps['look']
  /** What the curve is of, for those who do not see it. */
  readonly label: string
}) {
  const curve = useSyncExternalStore(trafficHistory.subscribe, () =>
    trafficHistory.curve(props.name),
  )
  const scheme = useComputedColorScheme('light')
  const [requests, failed] = [curve.requests.at(-1) ?? 0, curve.failed.at(-1) ?? 0]
  const now = `${rate(requests)} requests and ${rate(failed)} failures per second now`
  return (
    <div
      className={styles.chart}
      data-look={props.look}
      role="img"
      aria-label={`${props.label}: ${now}`}
    >
      <Suspense fallback={null}>
        {curve.times.length > 0 && <Plot curve={curve} look={props.look} scheme={scheme} />}
      </Suspense>
    </div>
  )
}
