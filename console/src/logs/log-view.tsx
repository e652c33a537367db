import { useEffect, useState, useSyncExternalStore } from 'react'
import type { LogLineView } from '../../../src/wire/logs.ts'
import { FailureNotice } from '../marks/panel.tsx'
import { LinePanel } from './line-panel.tsx'
import { LogList } from './log-list.tsx'
import type { LogWindow } from './log-window.ts'
import styles from './log-list.module.css'

interface ViewProps {
  readonly log: LogWindow
  /** The position that the lines are read around; undefined: the end of them. */
  readonly around?: string | undefined
  /** New lines come as they are printed, until somebody pauses. */
  readonly isLive: boolean
  /** All lines are of one instance, which need not be named at each. */
  readonly isOne?: boolean
  readonly chosen: string | undefined
  /** Undefined: the line is closed. */
  readonly onChoose: (position: string | undefined) => void
  readonly onContext: (line: LogLineView) => void
}

/** Lines that live, and all of the one that was chosen beside them. */
export function LogView(props: ViewProps) {
  const { log, around, isLive, isOne = false, chosen, onChoose, onContext } = props
  const [isPaused, setPaused] = useState(false)
  const state = useSyncExternalStore(log.subscribe, log.state)
  useEffect(() => {
    void log.start(around, isLive)
    return () => log.end()
  }, [log, around, isLive])
  useEffect(() => log.pause(isPaused), [log, isPaused])
  const line = state.lines.find(({ position }) => position === chosen)
  return (
    <>
      {state.error !== undefined && <FailureNotice error={state.error} />}
      <div className={styles.body} data-open={line !== undefined}>
        <LogList
          log={log}
          state={state}
          isLive={isLive}
          isOne={isOne}
          isPaused={isPaused}
          onPause={setPaused}
          chosen={chosen}
          onChoose={onChoose}
        />
        {line !== undefined && (
          <LinePanel
            key={line.position}
            line={line}
            onClose={() => onChoose(undefined)}
            onContext={() => onContext(line)}
          />
        )}
      </div>
    </>
  )
}
