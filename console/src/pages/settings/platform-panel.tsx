import { Skeleton } from '@mantine/core'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import type { PlatformView } from '../../../../src/wire/platform.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { applyPlatformAction } from '../../actions/settings-actions.ts'
import { ApiFailure, callApi } from '../../api/client.ts'
import { Moment } from '../../marks/moment.tsx'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { lineDifference } from './line-difference.ts'
import styles from './settings.module.css'

/** The server's own bound. */
const textMax = 1_048_576

const platformQuery = queryOptions({
  queryKey: ['platform'],
  queryFn: async ({ signal }): Promise<PlatformView | null> => {
    try {
      return await callApi<PlatformView>('/v1/platform', { signal })
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) return null
      throw error
    }
  },
})

/** platform.yaml: the one in force, and another in its place once its difference was looked at. */
export function PlatformPanel() {
  const { data: kept, error } = useQuery(platformQuery)
  const [draft, setDraft] = useState<string>()
  return (
    <Panel
      title="platform.yaml"
      note={
        kept && (
          <>
            applied by {kept.appliedBy} <Moment at={kept.appliedAt} />
          </>
        )
      }
    >
      {error !== null && <FailureNotice error={error} />}
      {kept === undefined && error === null && <Skeleton height={320} />}
      {kept === null && draft === undefined && (
        <Empty
          title="No platform.yaml was applied"
          command="roadstead platform apply platform.yaml"
        >
          Environments, tenants, rules and gates of the whole platform stand in one file:
        </Empty>
      )}
      {kept !== undefined && draft === undefined && (
        <>
          {kept !== null && (
            <pre className={styles.file} tabIndex={0} aria-label="platform.yaml in force">
              {kept.text}
            </pre>
          )}
          <button
            type="button"
            className={styles.small}
            onClick={() => setDraft(kept?.text ?? 'environments:\n  prod: {}\n')}
          >
            {kept === null ? 'Write one here' : 'Change it'}
          </button>
        </>
      )}
      {kept !== undefined && draft !== undefined && (
        <Draft
          before={kept?.text ?? ''}
          draft={draft}
          onChange={setDraft}
          onClose={() => setDraft(undefined)}
        />
      )}
    </Panel>
  )
}

function Draft(props: {
  readonly before: string
  readonly draft: string
  readonly onChange: (text: string) => void
  readonly onClose: () => void
}) {
  const { before, draft, onChange, onClose } = props
  const lines = useMemo(() => lineDifference(before, draft), [before, draft])
  const added = lines.filter(({ kind }) => kind === 'added')
  const removed = lines.filter(({ kind }) => kind === 'removed')
  const isSame = added.length === 0 && removed.length === 0
  return (
    <>
      <textarea
        className={styles.draft}
        aria-label="The new platform.yaml"
        value={draft}
        onChange={({ currentTarget: { value } }) => onChange(value)}
        maxLength={textMax}
        rows={18}
        spellCheck={false}
      />
      <h3 className={styles.subtitle}>What differs</h3>
      <pre className={styles.file} tabIndex={0} aria-label="What differs">
        {isSame && 'nothing yet'}
        {lines.map(({ kind, text }, index) =>
          kind === 'same' ? null : (
            // oxlint-disable-next-line react/no-array-index-key -- lines have no other identity
            <span key={index} className={styles.line} data-kind={kind}>
              {kind === 'added' ? '+' : '−'} {text}
              {'\n'}
            </span>
          ),
        )}
      </pre>
      <div className={styles.ways}>
        <button type="button" className={styles.small} onClick={onClose}>
          Leave it as it is
        </button>
        <ActionButton
          action={applyPlatformAction(draft, added.length, removed.length)}
          unless={isSame ? 'Nothing differs from what is in force.' : undefined}
          size="sm"
          onDone={onClose}
        />
      </div>
    </>
  )
}
