import Type from 'typebox'
import { Fault } from '../../base/errors.ts'
import { create, remove, type State } from '../../store/port.ts'
import { pageOf, pageQuery, pageSchema, timePosition } from '../../wire/page.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { findingKey, NodeFinding, type Finding } from './model.ts'
import { findingKind, findingsOf } from './records.ts'

/** Findings kept per node; the oldest go first. What they led to is in the log. */
const keptMax = 50

/** Those that one commit takes away: more than one can have added. */
const removedMax = 40

/** What agents found on their nodes that nobody had asked for. */
export function findingRoutes({ state }: { readonly state: State }): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/findings',
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'What agents found on their nodes that nobody had asked for, and undid.',
      tag: 'nodes',
      query: Type.Object(pageQuery),
      answers: { 200: pageSchema(NodeFinding) },
      async handle({ query }) {
        const all = state.snapshot.list(findingKind)
        const page = pageOf(all, query, ({ value }) => timePosition(value.at, value.id))
        return { body: { ...page, items: page.items.map(({ value }) => value) } }
      },
    }),
  ]
}

/**
 * Keeps what an agent found, each once; answers with the ids that it need not tell again. A store
 * that is full or busy must not cost the node its heartbeat: then they are told again later.
 */
export async function keepFindings(
  state: State,
  nodeId: string,
  findings: readonly Finding[],
  who: string,
): Promise<string[]> {
  const { snapshot } = state
  const known = findingsOf(snapshot, nodeId)
  const fresh = findings.filter(
    ({ id }) => snapshot.get(findingKind, findingKey(nodeId, id)) === undefined,
  )
  const ids = findings.map(({ id }) => id)
  if (fresh.length === 0) return ids
  const surplus = Math.max(0, Math.min(removedMax, known.length + fresh.length - keptMax))
  const told = fresh.map(({ what }) => what).join('; ')
  const writes = [
    ...fresh.map((finding) => create(findingKind, { nodeId, ...finding })),
    ...known.slice(0, surplus).map((entry) => remove(entry)),
  ]
  try {
    const why = `${nodeId}: ${told}`.slice(0, whyCharsMax)
    await state.commit({ writes, attribution: { who, what: 'node.find', why } })
    return ids
  } catch (error) {
    if (error instanceof Fault) return []
    throw error
  }
}

/** What the log takes of a sentence. */
const whyCharsMax = 1_000
