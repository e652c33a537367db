import type { Curve } from './history.ts'

/** What a drawn chart needs to know; between Chart and its lazily loaded half. */
export interface ChartProps {
  readonly curve: Curve
  /** `full` has axes and a readout, `deep` is that on deep water, `spark` a bare line. */
  readonly look: 'full' | 'deep' | 'spark'
  readonly scheme: string
}
