import type { ReactNode } from 'react'
import type { InstanceView } from '../../../../src/wire/api.ts'
import { Moment } from '../../marks/moment.tsx'
import { Panel } from '../../marks/panel.tsx'
import { bytes, cores, latency } from '../../words/numbers.ts'
import { recordWording } from '../../words/instances.ts'
import styles from './instance.module.css'

/** What its agent observes, and what it may use. */
export function FactsPanel({ instance }: { readonly instance: InstanceView }) {
  const { placement, observed, resources, releaseId } = instance
  const warm = observed?.warmedUp ?? null
  return (
    <Panel title="Now" note={observed === null ? 'nothing is heard of it' : 'as its agent sees it'}>
      <dl className={styles.list}>
        <Fact name="State">
          {recordWording(instance).word}
          {observed !== null && (
            <>
              {' '}
              <span className={styles.quiet}>
                <Moment at={observed.since} />
              </span>
            </>
          )}
        </Fact>
        <Fact name="Node">{placement?.nodeId ?? 'none'}</Fact>
        <Fact name="Port">{placement?.port ?? 'none'}</Fact>
        <Fact name="Process">{observed?.pid ?? 'none'}</Fact>
        <Fact name="Runs so far">{observed?.runs ?? 0}</Fact>
        <Fact name="Last exit">{exitWords(observed)}</Fact>
        <Fact name="Warmed up">
          {warm === null
            ? 'not'
            : `${warm.requests} requests: ${latency(warm.firstMs)} at first, then ${latency(warm.lastMs)}`}
        </Fact>
        <Fact name="May use">
          {cores(resources.cpu)} cpu, {bytes(resources.memoryBytes)} memory
        </Fact>
        <Fact name="Release">
          <code>{releaseId}</code>
        </Fact>
      </dl>
    </Panel>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function exitWords(observed: InstanceView['observed']): ReactNode {
  const exit = observed?.lastExit ?? null
  if (exit === null) return 'none'
  const how = exit.signal === null ? `code ${exit.code}` : `signal ${exit.signal}`
  return (
    <>
      {how} <Moment at={exit.at} />
    </>
  )
}
