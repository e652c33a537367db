import { useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useId, useMemo, useState, type KeyboardEvent } from 'react'
import type { InstanceView } from '../../../src/wire/api.ts'
import { refusalFor, type Action } from '../actions/action.ts'
import { ActionDialog } from '../actions/action-dialog.tsx'
import { Dialog } from '../actions/dialog.tsx'
import { callApi } from '../api/client.ts'
import { appsQuery, nodesQuery, rolloutsQuery, sessionQuery } from '../api/queries.ts'
import { pages } from '../shell/pages.ts'
import { actionEntries, found, pageEntries, placeEntries, type PaletteEntry } from './entries.ts'
import styles from './palette.module.css'

/** Lines that are shown; who looks for more types more. */
const shownMax = 40
/** Instances that are searched; the id of any other one is an address of its own. */
const instancesMax = 1_000
const rolloutsMax = 50

/** Goes anywhere and does anything, by a few letters. */
export function Palette({ onClose }: { readonly onClose: () => void }) {
  const [action, setAction] = useState<Action>()
  if (action === undefined) return <Search onClose={onClose} onAct={setAction} />
  return <ActionDialog action={action} fields={null} onClose={onClose} onDone={undefined} />
}

function Search(props: { readonly onClose: () => void; readonly onAct: (action: Action) => void }) {
  const [query, setQuery] = useState('')
  const [chosen, setChosen] = useState(0)
  const router = useRouter()
  const entries = useEntries(query)
  const id = useId()
  const take = (entry: PaletteEntry | undefined): void => {
    if (entry === undefined) return
    if ('action' in entry.goal) return props.onAct(entry.goal.action)
    router.history.push(entry.goal.href)
    props.onClose()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Enter') take(entries[chosen])
    else if (step === undefined) return
    else setChosen((chosen + step + entries.length) % Math.max(1, entries.length))
    event.preventDefault()
  }
  return (
    <Dialog title="Go to, or do" onClose={props.onClose} isWide>
      <input
        className={styles.input}
        role="combobox"
        aria-label="An app, a service, an instance, a node, a page or an action"
        aria-expanded
        aria-controls={id}
        aria-activedescendant={entries.length === 0 ? undefined : `${id}-${chosen}`}
        placeholder="shop, i-7k3, scale storefront 4, nodes …"
        autoComplete="off"
        spellCheck={false}
        data-autofocus
        value={query}
        onChange={(event) => {
          setQuery(event.currentTarget.value)
          setChosen(0)
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={id} role="listbox" aria-label="Found" className={styles.list}>
        {entries.map((entry, index) => (
          <Line
            key={entry.id}
            id={`${id}-${index}`}
            entry={entry}
            isChosen={index === chosen}
            onTake={() => take(entry)}
          />
        ))}
      </ul>
      {entries.length === 0 && <p className={styles.nothing}>Nothing has all of these words.</p>}
    </Dialog>
  )
}

function Line(props: {
  readonly id: string
  readonly entry: PaletteEntry
  readonly isChosen: boolean
  readonly onTake: () => void
}) {
  const { entry, isChosen } = props
  return (
    // The input has the keyboard: its keys move and take the choice.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
    <li
      id={props.id}
      ref={(element) => {
        if (isChosen) element?.scrollIntoView({ block: 'nearest' })
      }}
      role="option"
      aria-selected={isChosen}
      className={styles.line}
      onClick={props.onTake}
    >
      <span className={styles.kind}>{entry.kind}</span>
      <span className={styles.text}>{entry.text}</span>
      <span className={styles.note}>{entry.note}</span>
    </li>
  )
}

/** What is found, from what is known already; what the caller may not do is left out. */
function useEntries(query: string): readonly PaletteEntry[] {
  const { data: apps = [] } = useQuery(appsQuery)
  const { data: nodes = [] } = useQuery(nodesQuery)
  const { data: rollouts = [] } = useQuery(rolloutsQuery(rolloutsMax))
  const { data: session } = useQuery(sessionQuery)
  const { data: instances = [] } = useQuery({
    queryKey: ['instances', 'palette'],
    queryFn: async ({ signal }) => {
      const path = `/v1/instances?limit=${instancesMax}`
      return (await callApi<{ items: readonly InstanceView[] }>(path, { signal })).items
    },
  })
  return useMemo(() => {
    const places = placeEntries({ apps, nodes, rollouts, instances })
    const actions = actionEntries(apps, query).filter(
      ({ goal }) => 'action' in goal && refusalFor(goal.action.route, session?.role) === undefined,
    )
    const all = [...pageEntries(pages), ...places, ...actions]
    return withId(found(all, query, shownMax), query)
  }, [apps, nodes, rollouts, instances, session, query])
}

/** Any instance can be gone to by its id, known or not. */
function withId(entries: readonly PaletteEntry[], query: string): readonly PaletteEntry[] {
  const id = query.trim()
  if (!/^i-[a-z0-9]{3,}$/.test(id) || entries.some((entry) => entry.id === id)) return entries
  const goal = { href: `/instances/${id}` }
  return [...entries, { id, kind: 'Instance', text: id, note: 'by its id', goal }]
}
