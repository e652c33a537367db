import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal, unreachable } from '../../base/errors.ts'
import type { Entry, State } from '../../store/port.ts'
import { WhyView } from '../../wire/api.ts'
import { idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { releaseAt, serviceOf } from '../apps/records.ts'
import { imageView } from '../artifacts/model.ts'
import type { Instance } from '../instances/model.ts'
import { instanceById } from '../instances/records.ts'
import type { NodeVerdict, PlacementExplanation } from './model.ts'
import { tiesIn } from './ties-view.ts'
import { nodeViews, pendingOf, spreadsIn } from './placement-view.ts'
import { explainPlacement } from './plan-why.ts'
import type { NodeUsage } from './usage.ts'

export interface SchedulingRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly usage: NodeUsage
}

/** Events that an answer tells at the most; an instance's life has fewer. */
const eventsMax = 100

/** The scheduler, asked. */
export function schedulingRoutes(options: SchedulingRoutesOptions): RouteDefinition[] {
  const { state } = options
  return [
    route({
      method: 'GET',
      path: '/v1/instances/:id/why',
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary:
        'Why an instance is where it is, or why there is no place for it and what would help.',
      tag: 'instances',
      params: Type.Object({ id: idParam }),
      answers: { 200: WhyView },
      async handle({ params }) {
        const entry = instanceById(state.snapshot, params.id)
        if (entry === undefined) throw unknownInstance(params.id)
        const image = imageOf(entry.value, state)
        const events = await eventsOf(entry, state)
        const told = { ...image, ...observedOf(params.id, state) }
        return { body: { ...whyOf(entry.value, options), ...told, events } }
      },
    }),
  ]
}

function unknownInstance(id: string): Refusal {
  return new Refusal('instance-unknown', `there is no instance ${id}`, {
    status: 404,
    hint: '`roadstead ps --all` lists those that are kept',
  })
}

function whyOf(instance: Instance, options: SchedulingRoutesOptions): Omit<WhyView, 'events'> {
  const { id: instanceId, state, placement, ended } = instance
  if (state === 'ended') {
    const because = ended === null ? 'it is over' : `it is over: ${ended.because}`
    return { instanceId, because, fix: null, nodes: [] }
  }
  const explanation = explain(instance, options)
  const nodes = [...explanation.nodes]
  switch (state) {
    case 'pending': {
      const { because, fix } = waiting(explanation)
      return { instanceId, because, fix, nodes }
    }
    case 'placed': {
      const nodeId = placement?.nodeId ?? ''
      const port = placement?.port ?? null
      const where = port === null ? `on ${nodeId}` : `on ${nodeId}, port ${port}`
      const because = `it stands ${where}: ${instance.because}`
      return { instanceId, because, fix: null, nodes: nodes.map((node) => chosen(node, nodeId)) }
    }
    default:
      return unreachable(state)
  }
}

function explain(instance: Instance, options: SchedulingRoutesOptions): PlacementExplanation {
  const { snapshot } = options.state
  const nodes = nodeViews(snapshot, options.usage)
  const view = { nodes, pending: [], listeningSince: snapshot.observations.since }
  const wish = pendingOf(instance, spreadsIn(snapshot)(instance), tiesIn(snapshot)(instance))
  return explainPlacement(view, wish, options.clock.now())
}

function waiting({ because, fix }: PlacementExplanation): Pick<WhyView, 'because' | 'fix'> {
  if (fix !== null) return { because: `it waits: ${because}`, fix }
  return { because: `${because}: the scheduler's next pass gives it one`, fix: null }
}

/** What a container is made of; nothing of a process. */
function imageOf({ at, releaseId, service }: Instance, { snapshot }: State): { image?: string } {
  const spec = serviceOf(releaseAt(snapshot, at, releaseId), service)
  return spec === undefined ? {} : imageView(spec.artifact)
}

/** What its agent sees of how it is held. */
function observedOf(id: string, { snapshot }: State): Pick<WhyView, 'remark' | 'throttled'> {
  const { remark, throttled } = snapshot.observations.instance(id) ?? {}
  const { periods = 0, ms = 0 } = throttled ?? {}
  const text = `held back at its share of the cores in ${periods} periods of 100 ms, ${ms} ms in all`
  return {
    ...(remark === undefined ? {} : { remark }),
    ...(periods === 0 ? {} : { throttled: text }),
  }
}

function chosen(verdict: NodeVerdict, nodeId: string): NodeVerdict {
  if (verdict.nodeId !== nodeId) return verdict
  return { ...verdict, verdict: 'chosen', because: 'it holds a place here' }
}

/** What happened to it, oldest first. */
async function eventsOf(entry: Entry<Instance>, state: State): Promise<WhyView['events']> {
  const newest = await state.log({
    before: state.snapshot.revision + 1,
    keyPrefix: entry.key,
    limit: eventsMax,
  })
  return newest.toReversed().map(({ at, who, why }) => ({ at, who, why }))
}
