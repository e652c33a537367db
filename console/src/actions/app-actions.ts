import type { AppView, InstanceView } from '../../../src/wire/api.ts'
import type { AppPlace } from '../api/queries.ts'
import { plural } from '../words/numbers.ts'
import { commandLine, type Action } from './action.ts'
import { actionRoutes } from './routes.ts'

/** What can be done to an app, its services, its jobs and its test links. */

/** `local/default`. */
function cellOf({ environment, tenant }: AppPlace): string {
  return `${environment}/${tenant}`
}

function roadstead(at: AppPlace, ...words: readonly (string | number)[]): string {
  return commandLine('roadstead', ...words, '--cell', cellOf(at))
}

function about(at: AppPlace): Pick<Action, 'params' | 'subject'> {
  return { params: at, subject: `${cellOf(at)}/${at.app}` }
}

export function scaleAction(at: AppPlace, service: string, from: number, to: number): Action {
  const change = to > from ? `${to - from} more` : `${from - to} fewer`
  const loss =
    to === 0
      ? 'Nothing serves its requests then: they fail until it is scaled up again.'
      : 'Instances that leave end their requests first.'
  const says =
    to === from
      ? [`It has ${plural(from, 'instance')} already.`]
      : [
          `${service} gets ${change}: ${plural(to, 'instance')} in place of ${from}.`,
          ...(to < from ? [loss] : []),
          'The next deploy puts back what the manifest says, unless it is told to keep it.',
        ]
  return {
    ...about(at),
    route: actionRoutes.scale,
    body: { service, instances: to },
    verb: 'Scale',
    title: `Scale ${service}`,
    says,
    command: roadstead(at, 'scale', `${at.app}/${service}`, to),
    done: `${service} is asked to have ${plural(to, 'instance')}.`,
    isGrave: to === 0,
  }
}

export function stopAction(at: AppPlace, service?: string): Action {
  const name = service ?? at.app
  return {
    ...about(at),
    route: actionRoutes.stop,
    body: service === undefined ? {} : { service },
    verb: 'Stop',
    title: `Stop ${name}?`,
    says: [
      service === undefined
        ? `Every service of ${at.app} in ${cellOf(at)} ends, until somebody starts it again.`
        : `All instances of ${service} end, until somebody starts it again.`,
      'Requests to it fail meanwhile. Its place, its data and its settings are kept.',
    ],
    command: roadstead(at, 'stop', service === undefined ? at.app : `${at.app}/${service}`),
    done: `${name} is asked to stop.`,
    isGrave: true,
  }
}

export function startAction(at: AppPlace, service?: string): Action {
  const name = service ?? at.app
  return {
    ...about(at),
    route: actionRoutes.start,
    body: service === undefined ? {} : { service },
    verb: 'Start',
    title: `Start ${name}?`,
    says: [`What was stopped of ${name} gets its instances back.`],
    command: roadstead(at, 'start', service === undefined ? at.app : `${at.app}/${service}`),
    done: `${name} is asked to start.`,
  }
}

/** To the release before, or to the one with that number. */
export function revertAction(at: AppPlace, releaseNumber?: number): Action {
  const to = releaseNumber === undefined ? 'the release before' : `release ${releaseNumber}`
  const words = releaseNumber === undefined ? [] : ['--to', releaseNumber]
  return {
    ...about(at),
    route: actionRoutes.revert,
    body: releaseNumber === undefined ? {} : { releaseNumber },
    verb: 'Revert',
    title: `Revert ${at.app} to ${to}?`,
    says: [
      `A rollout carries ${to} back in: artifacts, configuration and routes together.`,
      'A rollout that is under way goes back the same way. Migrations are not undone.',
      'Customers are served all the while; what it cost them is counted.',
    ],
    command: roadstead(at, 'revert', at.app, ...words),
    done: `${at.app} goes back to ${to}.`,
  }
}

/** The way back from what is there now: while a rollout is under way, to what ran before it. */
export function wayBackAction(app: Pick<AppView, 'at' | 'rolloutId' | 'releaseNumber'>): Action {
  const { at, rolloutId, releaseNumber } = app
  return revertAction(at, rolloutId === null ? undefined : (releaseNumber ?? undefined))
}

/** Carries what runs in `from` into `at`. */
export function promoteAction(
  at: AppPlace,
  from: Pick<AppPlace, 'environment' | 'tenant'>,
  options: { readonly supersede: boolean; readonly keepDrift: boolean },
): Action {
  const source = `${from.environment}/${from.tenant}`
  const flags = [
    ...(options.supersede ? ['--supersede'] : []),
    ...(options.keepDrift ? ['--keep-drift'] : []),
  ]
  return {
    ...about(at),
    route: actionRoutes.promote,
    body: { from: { environment: from.environment, tenant: from.tenant }, ...options },
    verb: 'Promote',
    title: `Promote ${at.app} from ${source} to ${cellOf(at)}`,
    says: [
      `The release that runs in ${source} goes to ${cellOf(at)}, with exactly its artifacts.`,
      'The manifest that was deployed there is rendered for this cell; its steps and gates apply.',
      ...(options.supersede ? ['It takes the place of a rollout that is under way.'] : []),
    ],
    command: commandLine(
      'roadstead',
      'promote',
      at.app,
      '--from',
      source,
      '--to',
      cellOf(at),
      ...flags,
    ),
    done: `${at.app} is carried from ${source} to ${cellOf(at)}.`,
  }
}

/** Another instance in the place of this one. */
export function replaceAction(instance: Pick<InstanceView, 'id' | 'at' | 'service'>): Action {
  const { id, at, service } = instance
  return {
    ...about(at),
    route: actionRoutes.replace,
    params: { id },
    verb: 'Replace',
    title: `Replace ${id}?`,
    says: [
      `A new instance of ${service} is made ready first; then this one ends its requests and leaves.`,
      'If the service may run only once, this one ends first.',
    ],
    command: commandLine('roadstead', 'replace', id),
    done: `Another ${service} takes the place of ${id}.`,
  }
}

/** What a destroy takes away. */
export interface DestroyLoss {
  readonly services: number
  readonly instances: number
  /** Volumes whose data goes for good, in words. */
  readonly volumes: readonly string[]
}

export function destroyAction(at: AppPlace, loss: DestroyLoss, confirm?: number): Action {
  const flags = confirm === undefined ? ['--yes'] : [`--yes=${confirm}`]
  const data =
    loss.volumes.length === 0
      ? 'It has no volumes: no data goes.'
      : `The data of ${plural(loss.volumes.length, 'volume')} goes for good, and no undestroy ` +
        `brings it back: ${loss.volumes.slice(0, 8).join(', ')}${loss.volumes.length > 8 ? ', …' : ''}.`
  return {
    ...about(at),
    route: actionRoutes.destroy,
    ...(confirm === undefined ? {} : { query: `confirm=${confirm}` }),
    verb: 'Destroy',
    title: `Destroy ${at.app} in ${cellOf(at)}?`,
    says: [
      `This ends ${plural(loss.services, 'service')} with ${plural(loss.instances, 'instance')}.`,
      data,
      'Its releases and settings are kept for 7 days; undestroy brings them back.',
    ],
    command: roadstead(at, 'destroy', at.app, ...flags),
    done: `${at.app} is asked to go from ${cellOf(at)}.`,
    isGrave: true,
    typed: at.app,
    confirmed: (instances) => destroyAction(at, loss, instances),
  }
}

export function undestroyAction(at: AppPlace): Action {
  return {
    ...about(at),
    route: actionRoutes.undestroy,
    verb: 'Bring it back',
    title: `Bring ${at.app} back to ${cellOf(at)}?`,
    says: ['It gets its settings back, and a rollout carries in the release that it ran last.'],
    command: roadstead(at, 'undestroy', at.app),
    done: `${at.app} comes back to ${cellOf(at)}.`,
  }
}

export function undoSchemaAction(at: AppPlace, service: string): Action {
  return {
    ...about(at),
    route: actionRoutes.undoSchema,
    params: { ...at, service },
    verb: 'Undo',
    title: `Undo the last expansion of ${service}'s schema?`,
    says: [
      'Runs the `migrate.undo` of the release that expanded the schema last.',
      'What it removes of the database is gone: revert the release first.',
    ],
    command: roadstead(at, 'schema', 'undo', at.app, service),
    done: `The undo of ${service}'s schema begins.`,
    isGrave: true,
    typed: service,
  }
}

export function runJobAction(at: AppPlace, job: string): Action {
  return {
    ...about(at),
    route: actionRoutes.runJob,
    params: { ...at, job },
    verb: 'Run now',
    title: `Run ${job} now?`,
    says: ['It runs once, now, or after the run that is under way.'],
    command: roadstead(at, 'run', `${at.app}/${job}`, '--detach'),
    done: `${job} begins.`,
  }
}

export function cancelRunAction(at: AppPlace, id: string, job: string): Action {
  return {
    ...about(at),
    route: actionRoutes.cancelRun,
    params: { id },
    verb: 'Cancel run',
    title: `Cancel the run of ${job}?`,
    says: ['An attempt that is under way is ended.'],
    command: commandLine('roadstead', 'runs', 'cancel', id),
    done: `The run of ${job} is taken back.`,
    isGrave: true,
  }
}

export function endTestLinkAction(at: AppPlace, id: string): Action {
  return {
    ...about(at),
    route: actionRoutes.endTestLink,
    params: { ...at, id },
    verb: 'End',
    title: `End the test link ${id}?`,
    says: ['Whoever has it is a customer again with the next request.'],
    command: roadstead(at, 'test-link', at.app, '--end', id),
    done: 'The test link is ended.',
    isGrave: true,
  }
}
