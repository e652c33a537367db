import { Command } from 'commander'
import type { InstanceView } from '../wire/api.ts'
import { openContext } from './context.ts'
import { ageText } from './terminal/format.ts'
import { printJson, printTable, toned, type Tone } from './terminal/output.ts'

/** `roadstead ps [SERVICE]`: the instances, where they run and how they are. */
export function psCommand(): Command {
  return new Command('ps')
    .description('print the instances: where they run, in which pool, and how they are')
    .argument('[service]', 'one service (app/service, or service), or one app')
    .option('-a, --all', 'those that have ended too')
    .addHelpText('after', '\nExamples:\n  $ roadstead ps\n  $ roadstead ps storefront --all')
    .action(async (name: string | undefined, options: { all?: boolean }, command: Command) => {
      const context = await openContext(command)
      const { resolveAppOrService } = await import('./api/names.ts')
      const { environment, tenant } = context.cell
      let filter = {}
      if (name !== undefined) {
        const found = resolveAppOrService(name, await context.client.apps(), context.cell)
        filter = { app: found.app.at.app, service: found.service?.name }
      }
      const ended = options.all === true ? true : undefined
      const items = await context.client.instances({ environment, tenant, ...filter, ended })
      const instances = items.toSorted((a, b) => orderOf(a).localeCompare(orderOf(b)))
      if (context.json) return printJson(instances)
      await printInstances(instances, context.clock.now())
    })
}

async function printInstances(instances: readonly InstanceView[], now: number): Promise<void> {
  await printTable(
    instances,
    [
      { title: 'INSTANCE', of: ({ id }) => id },
      { title: 'SERVICE', of: ({ at, service }) => `${at.app}/${service}` },
      { title: 'STATE', of: (instance) => toned(...stateOf(instance)) },
      { title: 'POOL', of: ({ state, pool }) => (state === 'ended' ? '-' : pool) },
      { title: 'NODE', of: ({ placement }) => placement?.nodeId ?? '-' },
      { title: 'PORT', align: 'right', of: ({ placement }) => String(placement?.port ?? '-') },
      { title: 'PID', align: 'right', of: ({ observed }) => String(observed?.pid ?? '-') },
      { title: 'RUNS', align: 'right', of: ({ observed }) => String(observed?.runs ?? 0) },
      { title: 'AGE', align: 'right', of: ({ createdAt }) => ageText(createdAt, now) },
      { title: 'BECAUSE', of: becauseOf },
    ],
    'no instances here',
  )
}

/** The state that people ask for: the agent's word, or the scheduler's before there is one. */
function stateOf(instance: InstanceView): [word: string, tone: Tone] {
  if (instance.state === 'ended') return ['ended', 'quiet']
  if (instance.state === 'pending')
    return [instance.unplaced === null ? 'pending' : 'no place', 'wrong']
  const state = instance.observed?.state
  if (state === undefined) return ['placed', 'moving']
  return [state, tones[state]]
}

const tones: Readonly<Record<NonNullable<InstanceView['observed']>['state'], Tone>> = {
  pulling: 'moving',
  starting: 'moving',
  warming: 'moving',
  ready: 'well',
  unhealthy: 'wrong',
  'backing-off': 'wrong',
  stopping: 'moving',
  exited: 'quiet',
  refused: 'wrong',
}

/** Why it is in its state, where that is not plain from the state itself. */
function becauseOf(instance: InstanceView): string {
  if (instance.ended !== null) return instance.ended.because
  if (instance.unplaced !== null) return instance.unplaced.because
  const { observed } = instance
  if (observed === null || observed.state === 'ready') return ''
  return observed.because
}

function orderOf(instance: InstanceView): string {
  return `${instance.at.app}/${instance.service} ${instance.createdAt} ${instance.id}`
}
