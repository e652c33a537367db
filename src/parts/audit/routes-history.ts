import Type from 'typebox'
import { Refusal } from '../../base/errors.ts'
import { kindOf, type Key } from '../../base/key.ts'
import { historyLimitMax, type RecordChange, type State } from '../../store/port.ts'
import { HistoryAnswer, type HistoryEntry } from '../../wire/history.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { planDifference } from './plan-difference.ts'

/** Changes in one answer where the caller does not say. */
const limitDefault = 50

/** Kinds of which nobody is told what is in them: hashes of secrets, and answers kept for retries. */
const untoldKinds: ReadonlySet<string> = new Set(['token', 'session', 'idempotency'])

/** What became of one thing, change by change. */
export function historyRoutes({ state }: { readonly state: State }): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/history',
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary:
        'What became of a record: each change with who, what, why, and the fields, old and new.',
      tag: 'audit',
      query: Type.Object({
        /** A record's key, or how it begins: `app/default/local/shop/`. */
        key: Type.Optional(Type.String({ maxLength: 700, pattern: '^[a-z-]+/' })),
        /** A name, whatever it names: `i-7k3…`, `ro-…`, a node's id. */
        name: Type.Optional(Type.String({ maxLength: 128, minLength: 1 })),
        /** Of instances and listeners those of this service; of the app what concerns it. */
        service: Type.Optional(Type.String({ maxLength: 40 })),
        before: Type.Optional(Type.Integer({ minimum: 1 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: historyLimitMax })),
      }),
      answers: { 200: HistoryAnswer },
      async handle({ query: { key, name, service, before, limit = limitDefault } }) {
        if (key === undefined && name === undefined) throw nothingNamed()
        const keyPrefixes = key === undefined ? [] : key.split(',')
        const { changes, next } = await state.past.history({ keyPrefixes, name, before, limit })
        const told = changes.filter(({ key: changed }) => !untoldKinds.has(kindOf(changed)))
        const entries = told.map(entryOf)
        const items =
          service === undefined
            ? entries
            : entries.flatMap((entry, index) => concerning(service, entry, told[index]))
        return { body: { items, next } }
      },
    }),
  ]
}

function nothingNamed(): Refusal {
  return new Refusal('input-invalid', 'the history of what?', {
    path: '/query/key',
    hint: 'send ?key= (a key, or how it begins) or ?name= (an id)',
  })
}

/** What of a change concerns a service: all of its own records, and some fields of its app's. */
function concerning(
  service: string,
  entry: HistoryEntry,
  change: RecordChange | undefined,
): HistoryEntry[] {
  const { before, after } = change ?? {}
  if (serviceOf(after?.value) === service || serviceOf(before?.value) === service) return [entry]
  if (kindOf((change?.key ?? entry.key) as Key) !== 'app') return []
  const fields = entry.fields.filter(
    ({ path, before: old, after: now }) =>
      path.split('.').includes(service) || has(old, service) !== has(now, service),
  )
  return fields.length === 0 ? [] : [{ ...entry, fields }]
}

function has(list: unknown, service: string): boolean {
  return Array.isArray(list) && list.includes(service)
}

function serviceOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'service' in value
    ? value.service
    : undefined
}

function entryOf({ revision, at, attribution, key, before, after }: RecordChange): HistoryEntry {
  const change = before === undefined ? 'created' : after === undefined ? 'deleted' : 'changed'
  const fields = change === 'deleted' ? [] : planDifference(before?.value, after?.value)
  return { revision, at, ...attribution, key, change, fields: [...fields] }
}
