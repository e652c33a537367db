import { Skeleton } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { commandLine } from '../../actions/action.ts'
import { Chip, Choice, TextField } from '../../marks/fields.tsx'
import { Empty, FailureNotice } from '../../marks/panel.tsx'
import { EventList } from './event-list.tsx'
import { EventPanel } from './event-panel.tsx'
import { joined, newestQuery, timelineQuery, type EventsSearch } from './event-queries.ts'
import styles from './events.module.css'

const route = getRouteApi('/signed-in/events')

/** The ordered log: who changed what, and why; and the state at any of those instants. */
export function EventsPage() {
  const { revision, ...filter } = route.useSearch()
  const navigate = route.useNavigate()
  // Where a link leads to a commit, the log begins a little after it.
  const [from, setFrom] = useState(revision)
  const pages = useInfiniteQuery(timelineQuery(filter, from))
  const { data: newest = [] } = useQuery({ ...newestQuery(filter), enabled: from === undefined })
  const events = joined(newest, pages.data?.pages ?? [])
  const { refetch } = pages
  useEffect(() => {
    if (events === undefined) void refetch()
  }, [events, refetch])
  const change = (part: EventsSearch): void => {
    setFrom(undefined)
    void navigate({ search: (before) => ({ ...before, revision: undefined, ...part }) })
  }
  const choose = (next: number | undefined): void =>
    void navigate({ search: (before) => ({ ...before, revision: next }), replace: true })
  const shown = events ?? pages.data?.pages.flat() ?? []
  const chosen = shown.find((event) => event.revision === revision)
  return (
    <div className={styles.page}>
      <title>Events · Roadstead</title>
      <div className={styles.head}>
        <h1>Events</h1>
        <code className={styles.command} title="The same on the command line">
          {commandOf(filter)}
        </code>
        {from !== undefined && (
          <button type="button" className={styles.newest} onClick={() => change({})}>
            To the newest
          </button>
        )}
      </div>
      <Filters search={filter} onChange={change} />
      {pages.error !== null && <FailureNotice error={pages.error} />}
      {pages.isPending && <Skeleton height={420} />}
      {pages.isSuccess && shown.length === 0 && (
        <Empty title="Nothing that fits is in the log" command="roadstead events --all">
          Each change to anything stands there, with who, what and why; as far back as it is kept:
        </Empty>
      )}
      <div className={styles.body} data-open={chosen !== undefined}>
        {shown.length > 0 && (
          <EventList
            events={shown}
            chosen={revision}
            hasMore={pages.hasNextPage}
            onMore={() => {
              if (!pages.isFetchingNextPage) void pages.fetchNextPage()
            }}
            onChoose={choose}
          />
        )}
        {chosen !== undefined && (
          <EventPanel
            key={chosen.revision}
            event={chosen}
            onClose={() => choose(undefined)}
            onKey={(key) => change({ key })}
          />
        )}
      </div>
    </div>
  )
}

/** The first words of verbs, in the order of a release's life. */
const nouns = [
  ['app.', 'Apps'],
  ['rollout.', 'Rollouts'],
  ['instance.', 'Instances'],
  ['node.', 'Nodes'],
  ['job.', 'Jobs'],
  ['run.', 'Runs'],
  ['token.', 'Tokens'],
  ['platform.', 'Platform'],
] as const

function Filters(props: {
  readonly search: EventsSearch
  readonly onChange: (part: EventsSearch) => void
}) {
  const { search, onChange } = props
  return (
    <div className={styles.filters} role="search">
      <TextField label="Text in the sentence" text={search.q} onChange={(q) => onChange({ q })} />
      <TextField label="Who" text={search.who} onChange={(who) => onChange({ who })} />
      <Choice
        label="What"
        value={nouns.some(([what]) => what === search.what) ? (search.what ?? '') : ''}
        all="Everything"
        options={nouns}
        onChange={(what) => onChange({ what })}
      />
      <Choice
        label="Housekeeping"
        value={search.all === true ? 'all' : ''}
        all="Without housekeeping"
        options={[['all', 'With housekeeping']]}
        onChange={(all) => onChange({ all: all === undefined ? undefined : true })}
      />
      {search.key !== undefined && (
        <Chip
          text={search.key}
          label="All records again"
          onRemove={() => onChange({ key: undefined })}
        />
      )}
    </div>
  )
}

function commandOf({ who, what, q, key, all }: EventsSearch): string {
  return commandLine(
    'roadstead',
    'events',
    ...(who === undefined ? [] : ['--who', who]),
    ...(what === undefined ? [] : ['--what', what]),
    ...(q === undefined ? [] : ['--grep', q]),
    ...(key === undefined ? [] : ['--key', key]),
    ...(all === true ? ['--all'] : []),
  )
}
