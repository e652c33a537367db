import { useEffect, useMemo, useRef } from 'react'
import styles from './explanation.module.css'

/** Lines that stay in sight above the one that the address names. */
const linesAbove = 4

/** A manifest with its lines' numbers; the one that the address names is marked and in sight. */
export function ManifestText(props: { readonly text: string; readonly line: number | undefined }) {
  const { text, line } = props
  const frame = useRef<HTMLDivElement>(null)
  const count = useMemo(() => text.trimEnd().split('\n').length, [text])
  const numbers = useMemo(
    () => Array.from({ length: count }, (_, index) => index + 1).join('\n'),
    [count],
  )
  const marked = line !== undefined && line <= count ? line : undefined
  useEffect(() => {
    const own = frame.current
    if (own === null || marked === undefined) return
    own.scrollTop = (own.scrollHeight / count) * Math.max(0, marked - linesAbove)
    own.scrollIntoView({ block: 'nearest' })
  }, [count, marked])
  return (
    <div
      ref={frame}
      className={styles.manifest}
      role="region"
      tabIndex={0}
      aria-label="Text of the manifest"
    >
      {marked !== undefined && (
        <span className={styles.marked} style={{ '--line-number': marked }} />
      )}
      <pre className={styles.numbers} aria-hidden="true">
        {numbers}
      </pre>
      <pre>{text.trimEnd()}</pre>
    </div>
  )
}
