import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { appsQuery } from '../../api/queries.ts'
import { Icon } from '../../marks/icon.tsx'
import { fullTime } from '../../words/times.ts'
import { lastDefault, type LogsSearch } from './log-queries.ts'
import styles from './logs.module.css'

interface FiltersProps {
  readonly search: LogsSearch
  readonly onChange: (part: Partial<LogsSearch>, replace?: boolean) => void
}

/** Typing pauses this long before the server is asked, in ms. */
const typingMs = 180

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
      <TextField text={search.q ?? ''} onChange={onChange} />
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

/** The text that lines contain; asked for as one types, `/` leads to it. */
function TextField(props: { readonly text: string; readonly onChange: FiltersProps['onChange'] }) {
  const field = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  // The address leads: going back changes what stands in the field.
  useEffect(() => {
    const own = field.current
    if (own !== null && own !== document.activeElement) own.value = props.text
  }, [props.text])
  const seek = (text: string): void => {
    clearTimeout(timer.current)
    const next = { q: text === '' ? undefined : text }
    timer.current = setTimeout(() => props.onChange(next, true), typingMs)
  }
  return (
    <input
      ref={field}
      type="search"
      className={styles.text}
      placeholder="Text in the line"
      aria-label="Text in the line"
      maxLength={256}
      defaultValue={props.text}
      onChange={(event) => seek(event.currentTarget.value)}
    />
  )
}

function Choice(props: {
  readonly label: string
  readonly value: string
  readonly all?: string
  readonly options: readonly (readonly [value: string, word: string])[]
  readonly onChange: (value: string | undefined) => void
}) {
  return (
    <select
      className={styles.choice}
      aria-label={props.label}
      value={props.value}
      onChange={({ currentTarget: { value } }) => props.onChange(value === '' ? undefined : value)}
    >
      {props.all !== undefined && <option value="">{props.all}</option>}
      {props.options.map(([value, word]) => (
        <option key={value} value={value}>
          {word}
        </option>
      ))}
    </select>
  )
}

function Chip(props: {
  readonly text: string
  readonly label: string
  readonly onRemove: () => void
}) {
  return (
    <span className={styles.chip}>
      {props.text}
      <button type="button" onClick={props.onRemove} title={props.label} aria-label={props.label}>
        <Icon name="cross" />
      </button>
    </span>
  )
}

/** What the address names is offered even where it is gone: the dead have logs as well. */
function withOwn(names: readonly string[], own: string | undefined): readonly string[] {
  return own === undefined || names.includes(own) ? names : [own, ...names]
}
