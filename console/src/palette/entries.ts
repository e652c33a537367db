import type { AppView, InstanceView, NodeView, RolloutView } from '../../../src/wire/api.ts'
import type { Action } from '../actions/action.ts'
import {
  destroyAction,
  scaleAction,
  startAction,
  stopAction,
  wayBackAction,
} from '../actions/app-actions.ts'
import { partNames, parts } from '../pages/apps/parts.ts'
import { releaseWord } from '../words/states.ts'

/** Everything that the palette can lead to or do, as lines of text to be searched. */

export interface PaletteEntry {
  readonly id: string
  /** What kind of thing it is, in a word. */
  readonly kind: 'Page' | 'App' | 'Service' | 'Instance' | 'Node' | 'Rollout' | 'Action'
  readonly text: string
  /** Where it is, or what it is of. */
  readonly note: string
  /** An address of the console, or something to do. */
  readonly goal: { readonly href: string } | { readonly action: Action }
}

export interface PaletteSources {
  readonly apps: readonly AppView[]
  readonly nodes: readonly NodeView[]
  readonly rollouts: readonly RolloutView[]
  readonly instances: readonly Pick<InstanceView, 'id' | 'at' | 'service'>[]
}

/** Pages by name; `pages` is what the header's navigation has. */
export function pageEntries(
  pages: readonly { readonly name: string; readonly href: string }[],
): readonly PaletteEntry[] {
  return pages.map(({ name, href }) => ({
    id: href,
    kind: 'Page',
    text: name,
    note: '',
    goal: { href },
  }))
}

/** What there is: apps with their parts, services, instances, nodes, rollouts. */
export function placeEntries(sources: PaletteSources): readonly PaletteEntry[] {
  const { apps, nodes, rollouts, instances } = sources
  return [
    ...apps.flatMap(appEntries),
    ...nodes.map(({ id, zone }): PaletteEntry => {
      const href = `/nodes?node=${encodeURIComponent(JSON.stringify(id))}`
      return { id: `node ${id}`, kind: 'Node', text: id, note: `zone ${zone}`, goal: { href } }
    }),
    ...rollouts.map((rollout): PaletteEntry => {
      const { at, id, purpose, state } = rollout
      const text = `${purpose} ${at.app} ${releaseWord(rollout.version, rollout.releaseNumber)}`
      const href = `/rollouts/${at.environment}/${at.tenant}/${at.app}/${id}`
      return { id, kind: 'Rollout', text, note: `${cellOf(at)} · ${state} · ${id}`, goal: { href } }
    }),
    ...instances.map(({ id, at, service }): PaletteEntry => {
      const note = `${at.app} in ${cellOf(at)}`
      return {
        id,
        kind: 'Instance',
        text: `${service} ${id}`,
        note,
        goal: { href: `/instances/${id}` },
      }
    }),
  ]
}

function appEntries({ at, services }: AppView): readonly PaletteEntry[] {
  const base = `/apps/${at.environment}/${at.tenant}/${at.app}`
  const note = cellOf(at)
  return [
    ...parts.map((part): PaletteEntry => {
      const href = part === 'services' ? base : `${base}?part=${part}`
      const text = part === 'services' ? at.app : `${at.app} ${partNames[part].toLowerCase()}`
      return { id: href, kind: 'App', text, note, goal: { href } }
    }),
    ...services.map(({ name }): PaletteEntry => {
      const href = `${base}?part=instances&service=${encodeURIComponent(name)}`
      return { id: href, kind: 'Service', text: name, note: `${at.app} in ${note}`, goal: { href } }
    }),
  ]
}

/** What can be done; a number at the end of what is typed is how many instances to scale to. */
export function actionEntries(apps: readonly AppView[], query: string): readonly PaletteEntry[] {
  const number = /(?:^|\s)(\d{1,4})$/.exec(query)?.[1]
  return apps.flatMap((app) => {
    const { at, services } = app
    const loss = { services: services.length, instances: instancesOf(app), volumes: [] }
    const ofApp = [
      ...(app.releaseNumber === null ? [] : [wayBackAction(app)]),
      services.every(({ stopped }) => stopped) ? startAction(at) : stopAction(at),
      destroyAction(at, loss),
    ]
    const ofServices = services.flatMap((service) => {
      const { name, wanted, stopped } = service
      const to = number === undefined ? wanted + 1 : Math.min(1_000, Number(number))
      if (stopped) return [startAction(at, name)]
      return [scaleAction(at, name, wanted, to), stopAction(at, name)]
    })
    return [
      ...ofApp.map((action) => actionEntry(action, at.app, cellOf(at))),
      ...ofServices.map((action) => {
        const { service = at.app, instances } = action.body as {
          service?: string
          instances?: number
        }
        const name = instances === undefined ? service : `${service} to ${instances}`
        return actionEntry(action, name, `${at.app} in ${cellOf(at)}`)
      }),
    ]
  })
}

function actionEntry(action: Action, name: string, note: string): PaletteEntry {
  const text = `${action.verb} ${name}`
  return { id: action.command, kind: 'Action', text, note, goal: { action } }
}

function instancesOf({ services }: AppView): number {
  return services.reduce((sum, { ready, maintenance }) => sum + ready + maintenance, 0)
}

function cellOf({ environment, tenant }: AppView['at']): string {
  return `${environment}/${tenant}`
}

/** Entries that have every word of the query, the closest first. */
export function found(
  entries: readonly PaletteEntry[],
  query: string,
  most: number,
): readonly PaletteEntry[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return entries.slice(0, most)
  return entries
    .flatMap((entry, order) => {
      const text = entry.text.toLowerCase()
      const all = `${entry.kind.toLowerCase()} ${text} ${entry.note.toLowerCase()}`
      if (!words.every((word) => all.includes(word))) return []
      return [{ entry, order, far: distance(text, words) }]
    })
    .toSorted((a, b) => a.far - b.far || a.order - b.order)
    .slice(0, most)
    .map(({ entry }) => entry)
}

/** 0: it is what was typed; 1: it begins so; 2: a word of it does; 3: it is found elsewhere. */
function distance(text: string, words: readonly string[]): number {
  if (text === words.join(' ')) return 0
  const [first = ''] = words
  if (text.startsWith(first)) return 1
  return text.split(/[\s-]/).some((word) => word.startsWith(first)) ? 2 : 3
}
