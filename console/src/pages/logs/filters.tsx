import { useQuery } from '@tanstack/react-query'
import { appsQuery } from '../../api/queries.ts'
import { Chip, Choice, TextField } from '../../marks/fields.tsx'
import { fullTime } from '../../words/times.ts'
import { lastDefault, type LogsSearch } from './log-queries.ts'
import styles from './logs.module.css'

interface FiltersProps {
  readonly search: LogsSearch
  readonly onChange: (part: Partial<LogsSearch>, replace?: boolean) => void
}

const times = [
  { minutes: 5, word: 'Last 5 minutes' },
  { minutes: 15, word: 'Last 15 minutes' },
  { minutes: 60, word: 'Last hour' },
  { minutes: 360, word: 'Last 6 hours' },
  { minutes: 1_440, word: 'Last day' },
  { minutes: 10_080, word: 'Last week' },
] as const

const levels = [
  { level: 'error', word: 'Errors' },
  { level: 'warning', word: 'Warnings and worse' },
  { level: 'info', word: 'Information and worse' },
] as const

/** Whose lines, which, and when; all of it is in the address. */
export function Filters({ search, onChange }: FiltersProps) {
  const { data: apps = [] } = useQuery(appsQuery)
  const names = apps.map(({ at }) => `${at.environment}/${at.tenant}/${at.app}`).toSorted()
  const app = apps.find(({ at }) => `${at.environment}/${at.tenant}/${at.app}` === search.app)
  const services = app?.services.map(({ name }) => name) ?? []
  const isOwnTime = search.since !== undefined && search.until !== undefined
  return (
    <div className={styles.filters} role="search">
      <TextField label="Text in the line" text={search.q} onChange={(q) => onChange({ q }, true)} />
      <Choice
        label="App"
        value={search.app ?? ''}
        all="All apps"
        options={withOwn(names, search.app).map((name) => [name, name])}
        onChange={(value) => onChange({ app: value, service: undefined, instance: undefined })}
      />
      {search.app !== undefined && (
        <Choice
          label="Service"
          value={search.service ?? ''}
          all="All services"
          options={withOwn(services, search.service).map((name) => [name, name])}
          onChange={(value) => onChange({ service: value, instance: undefined })}
        />
      )}
      <Choice
        label="Level"
        value={search.level ?? ''}
        all="All levels"
        options={levels.map(({ level, word }) => [level, word])}
        onChange={(value) => onChange({ level: value as LogsSearch['level'] })}
      />
      {!isOwnTime && (
        <Choice
          label="Time"
          value={String(search.last ?? lastDefault)}
          options={times.map(({ minutes, word }) => [String(minutes), word])}
          onChange={(value) => onChange({ last: Number(value) })}
        />
      )}
      {isOwnTime && (
        <Chip
          text={`${fullTime(search.since ?? 0)} – ${fullTime(search.until ?? 0)}`}
          label="Look at the last hour again"
          onRemove={() => onChange({ since: undefined, until: undefined })}
        />
      )}
      {search.instance !== undefined && (
        <Chip
          text={search.instance}
          label="All instances again"
          onRemove={() => onChange({ instance: undefined })}
        />
      )}
      {search.line !== undefined && (
        <Chip text="around one line" label="Back to the search" onRemove={() => onChange({})} />
      )}
    </div>
  )
}

/** What the address names is offered even where it is gone: the dead have logs as well. */
function withOwn(names: readonly string[], own: string | undefined): readonly string[] {
  return own === undefined || names.includes(own) ? names : [own, ...names]
}
