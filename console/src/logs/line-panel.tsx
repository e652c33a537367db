import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { LogLineView } from '../../../src/wire/logs.ts'
import { Icon } from '../marks/icon.tsx'
import { Panel } from '../marks/panel.tsx'
import { fullTime } from '../words/times.ts'
import { plainText } from './ansi.ts'
import { Spans } from './log-list.tsx'
import styles from './log-list.module.css'

/** Characters that are shown of a line before somebody asks for all of it. */
const shownChars = 4_000

/** One line: all of its text, who printed it, and the ways on from here. */
export function LinePanel(props: {
  readonly line: LogLineView
  readonly onClose: () => void
  readonly onContext: () => void
}) {
  const { line } = props
  const { cell, service, instanceId, stream, text, cut } = line
  const [isWhole, setWhole] = useState(false)
  const isLong = text.length > shownChars
  return (
    <Panel
      title="Line"
      className={styles.panel}
      note={
        <button
          type="button"
          className={styles.close}
          onClick={props.onClose}
          aria-label="Close the line"
        >
          <Icon name="cross" />
        </button>
      }
    >
      <pre className={styles.whole} tabIndex={0} aria-label="Text of the line">
        <Spans text={text} max={isWhole ? text.length : shownChars} />
      </pre>
      {isLong && !isWhole && (
        <button type="button" className={styles.small} onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString('en')} characters
        </button>
      )}
      {cut === true && <p className={styles.note}>The line was longer; its agent cut it.</p>}
      <dl className={styles.facts}>
        <dt>when</dt>
        <dd>{fullTime(line.at)}</dd>
        <dt>app</dt>
        <dd>
          <Link
            to="/apps/$environment/$tenant/$app"
            params={cell}
            search={{}}
          >{`${cell.environment}/${cell.tenant}/${cell.app}`}</Link>
        </dd>
        <dt>service</dt>
        <dd>{service}</dd>
        <dt>instance</dt>
        <dd>
          <Link to="/instances/$id" params={{ id: instanceId }} search={{}}>
            {instanceId}
          </Link>
        </dd>
        <dt>stream</dt>
        <dd>{stream === 'stdout' ? 'standard output' : 'standard error'}</dd>
      </dl>
      <div className={styles.ways}>
        <button type="button" className={styles.small} onClick={props.onContext}>
          Lines around it
        </button>
        <CopyButton word="Copy a link" text={() => linkTo(line)} />
        <CopyButton word="Copy the text" text={() => plainText(text)} />
      </div>
    </Panel>
  )
}

function CopyButton({ word, text }: { readonly word: string; readonly text: () => string }) {
  const [isDone, setDone] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text())
    setDone(true)
  }
  return (
    <button type="button" className={styles.small} onClick={() => void copy()}>
      {isDone ? 'Copied' : word}
    </button>
  )
}

function linkTo({ instanceId, position }: LogLineView): string {
  const search = new URLSearchParams({ instance: instanceId, line: position })
  return `${window.location.origin}/logs?${search}`
}
