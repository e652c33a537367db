import { Button } from '@mantine/core'
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import type { InstanceView } from '../../../../src/wire/api.ts'
import { commandLine } from '../../actions/action.ts'
import { Command } from '../../actions/command.tsx'
import { FailureNotice, Notice, Panel } from '../../marks/panel.tsx'
import { asSentence } from '../../words/sentences.ts'
import { beginShell, type ExecSession } from './exec-session.ts'
import { withoutStyleElements } from './style-sheets.ts'
import styles from './instance.module.css'

/** The lazily loaded half of the instance's page: everything that knows xterm. */

/** Lines that can be scrolled back to. */
const scrollbackLines = 5_000

const colours = {
  background: '#0a1f2d',
  foreground: '#eef7fa',
  cursor: '#6fd6de',
  selectionBackground: '#1f5f70',
}

export function TerminalPanel({ instance }: { readonly instance: InstanceView }) {
  const navigate = useNavigate()
  const [attempt, setAttempt] = useState(0)
  const { place, ended, failure } = useShell(instance.id, attempt)
  const leave = (): void => {
    void navigate({ to: '/instances/$id', params: { id: instance.id }, search: {} })
  }
  return (
    <Panel
      title="Terminal"
      note="a shell in its folder, with its environment; who ran it is on the audit log"
    >
      <div ref={place} className={styles.terminal} role="group" aria-label="Terminal" />
      {failure !== undefined && <FailureNotice error={failure} />}
      {ended !== undefined && <Notice tone="warning">{asSentence(ended)}</Notice>}
      <div className={styles.terminalFoot}>
        <Button size="xs" variant="default" onClick={leave}>
          Close
        </Button>
        {(ended !== undefined || failure !== undefined) && (
          <Button size="xs" variant="default" onClick={() => setAttempt(attempt + 1)}>
            Begin another
          </Button>
        )}
      </div>
      <Command text={commandLine('roadstead', 'exec', instance.id)} />
    </Panel>
  )
}

/** A terminal with a shell in it; both end with the page, or with the shell. */
function useShell(instanceId: string, attempt: number) {
  const place = useRef<HTMLDivElement>(null)
  const [ended, setEnded] = useState<string>()
  const [failure, setFailure] = useState<unknown>()
  useEffect(() => {
    if (place.current === null) return
    setEnded(undefined)
    setFailure(undefined)
    return openShell(place.current, instanceId, { onEnd: setEnded, onFailure: setFailure })
  }, [instanceId, attempt])
  return { place, ended, failure }
}

interface ShellListener {
  readonly onEnd: (because: string) => void
  readonly onFailure: (error: unknown) => void
}

/** Returns the way to end it. */
function openShell(place: HTMLElement, instanceId: string, listener: ShellListener): () => void {
  const terminal = new Terminal({
    scrollback: scrollbackLines,
    fontSize: 13,
    fontFamily: getComputedStyle(place).getPropertyValue('--font-mono'),
    theme: colours,
    screenReaderMode: true,
  })
  const fit = new FitAddon()
  terminal.loadAddon(fit)
  const takeStylesOut = withoutStyleElements(() => terminal.open(place))
  fit.fit()
  terminal.focus()
  let session: ExecSession | undefined
  let isLeft = false
  const observer = new ResizeObserver(() => fit.fit())
  observer.observe(place)
  terminal.onData((text) => session?.send(new TextEncoder().encode(text)))
  terminal.onResize(({ cols, rows }) => session?.resize(cols, rows))
  const begin = async (): Promise<void> => {
    const size = { columns: terminal.cols, rows: terminal.rows }
    const begun = await beginShell(instanceId, size, {
      onOutput: (bytes) => terminal.write(bytes),
      onEnd: (because) => {
        if (!isLeft) listener.onEnd(because)
      },
    })
    if (isLeft) begun.close()
    else session = begun
  }
  // Not at once: in development every effect runs twice, and one shell is enough.
  const timer = setTimeout(() => void begin().catch(listener.onFailure))
  return () => {
    isLeft = true
    clearTimeout(timer)
    observer.disconnect()
    session?.close()
    terminal.dispose()
    takeStylesOut()
  }
}
