import { Command } from 'commander'
import { Refusal } from '../base/errors.ts'
import type { RolloutView } from '../wire/api.ts'
import { openContext, type Context } from './context.ts'
import { durationText, timeText } from './terminal/format.ts'
import { print, printFields, printJson, printTable } from './terminal/output.ts'

/** Rollouts that are searched for the id: as many as the server lists at once. */
const searchedMax = 200

/** `roadstead rollout [ID]`: one rollout, live while it goes, with its proof of zero. */
export function rolloutCommand(): Command {
  return new Command('rollout')
    .description('follow a rollout while it goes; print what it did and what it cost')
    .argument('[id]', 'the newest one unless you say (a beginning of the id is enough)')
    .addHelpText('after', '\nExamples:\n  $ roadstead rollout\n  $ roadstead rollout ro-7k3')
    .action(async (id: string | undefined, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const [found, { isOver }] = await Promise.all([
        find(context, id),
        import('../parts/rollouts/model.ts'),
      ])
      if (!isOver(found.state)) {
        const { followRollout } = await import('./rollout-follower.ts')
        return followRollout(context, found.at, found.id)
      }
      const view = await context.client.rollout(found.at, found.id)
      if (context.json) return printJson(view)
      await printRollout(view, context.clock.now())
    })
}

async function find(context: Context, id: string | undefined): Promise<RolloutView> {
  const all = await context.client.rollouts(id === undefined ? 1 : searchedMax)
  const [newest] = all
  if (newest === undefined) {
    throw new Refusal('rollout-unknown', 'there was no rollout yet', {
      status: 404,
      hint: '`roadstead deploy` makes the first one',
    })
  }
  if (id === undefined) return newest
  const { resolveRollout } = await import('./api/names.ts')
  return resolveRollout(id, all)
}

async function printRollout(view: RolloutView, now: number): Promise<void> {
  const [{ rolloutChanges, rolloutEnding, trafficLine }, { printAfter, printJudging }] =
    await Promise.all([import('./terminal/rollout-lines.ts'), import('./terminal/judge-lines.ts')])
  for (const line of rolloutChanges(undefined, view)) print(line)
  print(rolloutEnding(view))
  printAfter(view)
  await printJudging(view)
  print()
  const { before, during, after, gaps, services } = view.ledger
  const { approvals = [] } = view
  printFields([
    ['rollout', `${view.id}, ${timeText(view.createdAt, now)}, by ${view.createdBy}`],
    ...approvals.map(
      ({ by, at, as }) => ['approved', `by ${by}, ${as}, ${timeText(at, now)}`] as const,
    ),
    ['before', trafficLine(before)],
    ['during', trafficLine(during)],
    ['after', trafficLine(after)],
    ...gaps.map((gap) => ['gap', gap] as const),
  ])
  if (services.length === 0) return
  print()
  await printTable(
    services,
    [
      { title: 'SERVICE', of: ({ service }) => service },
      { title: 'SENT', align: 'right', of: ({ window }) => String(window.sent) },
      { title: 'FAILED', align: 'right', of: ({ window }) => String(window.failed) },
      { title: 'RETRIED', align: 'right', of: ({ window }) => String(window.retried) },
      { title: 'APP ERRORS', align: 'right', of: ({ window }) => String(window.appErrors) },
      { title: 'P50', align: 'right', of: ({ window }) => msText(window.p50Ms) },
      { title: 'P99', align: 'right', of: ({ window }) => msText(window.p99Ms) },
    ],
    'no requests',
  )
}

function msText(ms: number | null): string {
  return ms === null ? '-' : durationText(ms)
}
