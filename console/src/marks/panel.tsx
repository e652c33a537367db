import { useId, type ReactNode } from 'react'
import { ApiFailure } from '../api/client.ts'
import { Icon } from './icon.tsx'
import styles from './marks.module.css'

/** A titled part of a page. */
export function Panel(props: {
  readonly title: string
  readonly note?: ReactNode
  readonly children: ReactNode
  readonly className?: string | undefined
}) {
  const id = useId()
  return (
    <section className={`${styles.panel} ${props.className ?? ''}`} aria-labelledby={id}>
      <div className={styles.panelHead}>
        <h2 id={id}>{props.title}</h2>
        {props.note !== undefined && <div className={styles.panelNote}>{props.note}</div>}
      </div>
      <div className={styles.panelBody}>{props.children}</div>
    </section>
  )
}

/** What stands where there is nothing yet, with the command that changes that. */
export function Empty(props: {
  readonly title: string
  readonly children: ReactNode
  readonly command?: string
}) {
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{props.title}</p>
      <p>{props.children}</p>
      {props.command !== undefined && <code className={styles.command}>{props.command}</code>}
    </div>
  )
}

/** A failed read, in the words of the server, with what to do. */
export function FailureNotice({ error }: { readonly error: unknown }) {
  const message = error instanceof Error ? error.message : 'Something went wrong.'
  const hint = error instanceof ApiFailure ? error.hint : undefined
  return (
    <Notice tone="bad">
      {message} {hint !== undefined && <span className={styles.noticeHint}>{hint}</span>}
    </Notice>
  )
}

/** One sentence that wants to be seen. */
export function Notice(props: {
  readonly tone: 'bad' | 'warning' | 'moving'
  readonly children: ReactNode
}) {
  return (
    <div className={styles.notice} data-tone={props.tone} role="status">
      <Icon name={props.tone === 'moving' ? 'moving' : 'warning'} />
      <div>{props.children}</div>
    </div>
  )
}
