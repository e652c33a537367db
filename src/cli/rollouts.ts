import { Command, InvalidArgumentError } from 'commander'
import type { RolloutView } from '../wire/api.ts'
import { openContext } from './context.ts'
import { ageText, countText, durationText } from './terminal/format.ts'
import { print, printJson, printTable, toned, type Tone } from './terminal/output.ts'

/** Rollouts in one list at the most; the server's own bound. */
const listedMax = 200

/** `roadstead rollouts [APP]`: what was carried where, how it went, and what it cost. */
export function rolloutsCommand(): Command {
  return new Command('rollouts')
    .addCommand(cancelCommand())
    .addCommand(proceedCommand())
    .description('print the rollouts, newest first: how each went, and what it cost customers')
    .argument('[app]', 'one app only; or `cancel ID`, `proceed ID`')
    .option('-n, --limit <count>', 'how many', countOf, 20)
    .addHelpText('after', '\nExample:\n  $ roadstead rollouts shop -n 5')
    .action(async (name: string | undefined, options: { limit: number }, command: Command) => {
      const context = await openContext(command)
      const { client, cell } = context
      const { resolveApp } = await import('./api/names.ts')
      const rollouts =
        name === undefined
          ? await client.rollouts(options.limit)
          : await client.rolloutsOf(resolveApp(name, await client.apps(), cell).at, options.limit)
      if (context.json) return printJson(rollouts)
      await printRollouts(rollouts, context.clock.now())
    })
}

/** `roadstead rollouts cancel ID`: what waits for its turn is taken back. */
function cancelCommand(): Command {
  return new Command('cancel')
    .description('take back a rollout that waits for its turn')
    .argument('<id>', 'a beginning of its id is enough')
    .addHelpText('after', '\nExample:\n  $ roadstead rollouts cancel ro-7k3')
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const { client } = context
      const { resolveRollout } = await import('./api/names.ts')
      const { at, id: whole } = resolveRollout(id, await client.rollouts(listedMax))
      const written = await client.cancelRollout(at, whole)
      if (context.json) return printJson(written)
      print(`${whole} is taken back; \`roadstead rollouts\` shows what is left`)
    })
}

/** `roadstead rollouts proceed ID`: a comparison that cannot tell is overruled. */
function proceedCommand(): Command {
  return new Command('proceed')
    .description('let a rollout go on whose comparison of old and new cannot tell')
    .argument('<id>', 'a beginning of its id is enough')
    .addHelpText('after', '\nExample:\n  $ roadstead rollouts proceed ro-7k3')
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const { client } = context
      const { resolveRollout } = await import('./api/names.ts')
      const { at, id: whole } = resolveRollout(id, await client.rollouts(listedMax))
      const written = await client.proceedRollout(at, whole)
      if (context.json) return printJson(written)
      print(`${whole} goes on; \`roadstead rollouts\` shows how`)
    })
}

async function printRollouts(rollouts: readonly RolloutView[], now: number): Promise<void> {
  await printTable(
    rollouts,
    [
      { title: 'ROLLOUT', of: ({ id }) => id },
      { title: 'APP', of: ({ at }) => at.app },
      { title: 'CELL', of: ({ at }) => `${at.environment}/${at.tenant}` },
      { title: 'RELEASE', align: 'right', of: ({ releaseNumber }) => String(releaseNumber) },
      { title: 'VERSION', of: ({ version }) => version || '-' },
      { title: 'STATE', of: ({ state }) => toned(state, tones[state]) },
      { title: 'TOOK', align: 'right', of: (rollout) => tookText(rollout, now) },
      { title: 'FAILED', align: 'right', of: failedText },
      { title: 'AGE', align: 'right', of: ({ createdAt }) => ageText(createdAt, now) },
      { title: 'BECAUSE', of: ({ because }) => because },
    ],
    'no rollouts yet',
  )
}

const tones: Readonly<Record<RolloutView['state'], Tone>> = {
  queued: 'quiet',
  running: 'moving',
  reverting: 'wrong',
  done: 'well',
  reverted: 'wrong',
  failed: 'wrong',
  superseded: 'quiet',
  cancelled: 'quiet',
}

function tookText({ startedAt, endedAt }: RolloutView, now: number): string {
  return startedAt === null ? '-' : durationText((endedAt ?? now) - startedAt)
}

function failedText({ ledger: { during } }: RolloutView): string {
  if (during === null) return '-'
  const text = `${countText(during.failed)} of ${countText(during.sent)}`
  return toned(text, during.failed > 0 ? 'wrong' : 'well')
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= listedMax) return count
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${listedMax}.`)
}
