import { bytes, cores, plural } from '../../words/numbers.ts'
import { instanceWording } from '../../words/instances.ts'
import { Mark } from '../../marks/state-mark.tsx'
import { toneIcons } from './tone-icons.ts'
import type { Pointed } from './zone-picture.tsx'
import styles from './nodes.module.css'

/** Wider than this the card stands to the left of the pointer, where it would leave the window. */
const cardWidth = 288

/** What lies under the pointer; readers and keyboards have the node's panel instead. */
export function PointedCard({ pointed }: { readonly pointed: Pointed | undefined }) {
  if (pointed === undefined) return null
  const { node, instance, x, y } = pointed
  const isRight = x + cardWidth + 24 > window.innerWidth
  const left = isRight ? x - cardWidth - 14 : x + 14
  return (
    <div className={styles.card} style={{ left, top: y + 14 }} aria-hidden="true">
      <p className={styles.cardNode}>
        <b>{node.id}</b> {cores(node.reserved.cpu)} of {plural(node.capacity.cpu, 'core')},{' '}
        {bytes(node.reserved.memoryBytes)} of {bytes(node.capacity.memoryBytes)}
      </p>
      {instance === undefined ? (
        <p>{plural(node.reserved.instances, 'instance')}; this part is free</p>
      ) : (
        <>
          <p className={styles.cardService}>
            {instance.service.at.app}/{instance.service.service}{' '}
            <small>
              {instance.service.at.environment}/{instance.service.at.tenant}
            </small>
          </p>
          <p className={styles.cardFacts}>
            <code>{instance.id}</code>
            <InstanceMark instance={instance} />
          </p>
          <p>
            {plural(instance.cpu, 'core')}, {bytes(instance.memoryBytes)}
          </p>
        </>
      )}
    </div>
  )
}

function InstanceMark({ instance }: { readonly instance: NonNullable<Pointed['instance']> }) {
  const { word, tone } = instanceWording(instance.state, instance.pool)
  return <Mark icon={toneIcons[tone]} word={word} tone={tone} />
}
