import type { ServiceView } from '../../../src/wire/api.ts'
import { plural } from '../words/numbers.ts'
import styles from './marks.module.css'

/** More than this many are drawn as a bar: single ones could not be told apart any more. */
const pipsMax = 12

type Kind = 'ready' | 'missing' | 'maintenance' | 'draining'

/** A service's instances as small pips: ready, missing, in maintenance, draining. */
export function Pips({ service }: { readonly service: ServiceView }) {
  const { wanted, ready, maintenance, draining } = service
  const missing = Math.max(0, wanted - ready)
  const kinds = [
    ...repeated('ready', ready),
    ...repeated('missing', missing),
    ...repeated('maintenance', maintenance),
    ...repeated('draining', draining),
  ]
  const label = sentenceOf(service)
  if (ready + missing + maintenance + draining > pipsMax) {
    const share = wanted === 0 ? 0 : Math.min(1, ready / wanted)
    return (
      <span className={styles.bar} role="img" aria-label={label} title={label}>
        <span className={styles.barFill} style={{ '--share': share, display: 'block' }} />
      </span>
    )
  }
  return (
    <span className={styles.pips} role="img" aria-label={label} title={label}>
      {kinds.map((kind, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- pips are places, not instances
        <span key={index} className={styles.pip} data-kind={kind} />
      ))}
    </span>
  )
}

function repeated(kind: Kind, times: number): Kind[] {
  return Array.from({ length: Math.min(times, pipsMax + 1) }, () => kind)
}

function sentenceOf(service: ServiceView): string {
  const { name, wanted, ready, maintenance, draining, stopped } = service
  const parts = [`${name}: ${ready} of ${plural(wanted, 'instance')} ready`]
  if (stopped) parts.push('stopped by a person')
  if (maintenance > 0) parts.push(`${maintenance} in maintenance`)
  if (draining > 0) parts.push(`${draining} draining`)
  return parts.join(', ')
}
