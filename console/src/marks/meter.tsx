import styles from './marks.module.css'

/** How much of something is reserved. */
export function Meter(props: {
  readonly name: string
  readonly used: number
  readonly of: number
  readonly text: string
}) {
  const share = props.of === 0 ? 0 : Math.min(1, props.used / props.of)
  return (
    <div className={styles.meter}>
      <span>{props.name}</span>
      <span
        className={styles.meterBar}
        role="meter"
        aria-label={`${props.name} reserved`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={props.text}
      >
        <span className={styles.meterFill} data-full={share > 0.9} style={{ '--share': share }} />
      </span>
      <span className={styles.meterText}>{props.text}</span>
    </div>
  )
}
