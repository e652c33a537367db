import { Command } from 'commander'
import type { NodeFinding } from '../parts/nodes/model.ts'
import type { AppView } from '../wire/api.ts'
import { openContext } from './context.ts'
import { handDriftText } from './terminal/plan-lines.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, printTable, toned } from './terminal/output.ts'

/** `roadstead drift`: where what runs is not what was deployed, and what was undone on the nodes. */
export function driftCommand(): Command {
  return new Command('drift')
    .description('print what was done by hand: to services, and on the nodes')
    .option('--exit-code', 'exit with 2 where a service differs from its manifest')
    .addHelpText('after', '\nExample:\n  $ roadstead drift --exit-code')
    .action(run)
}

/** The exit code for drift, where `--exit-code` asks for one. */
const driftCode = 2

async function run(options: { readonly exitCode?: boolean }, command: Command): Promise<void> {
  const context = await openContext(command)
  const { client } = context
  const [all, findings] = await Promise.all([client.apps(), client.findings()])
  const apps = all.filter(({ drift }) => drift.length > 0)
  const newest = findings.toSorted((a, b) => b.at - a.at)
  if (context.json) {
    printJson({ apps: apps.map(({ at, drift }) => ({ at, drift })), nodes: newest })
  } else await printDrift(apps, newest, context.clock.now())
  if (options.exitCode !== true || apps.length === 0) return
  const { Exit } = await import('./terminal/failure.ts')
  throw new Exit(driftCode)
}

async function printDrift(
  apps: readonly AppView[],
  findings: readonly NodeFinding[],
  now: number,
): Promise<void> {
  if (apps.length === 0) print('every service is as its manifest says')
  for (const { at, drift } of apps) {
    print(`${at.app} in ${at.environment}/${at.tenant}`)
    for (const one of drift) print(`  ${toned('~', 'moving')} ${handDriftText(one, now)}`)
    print(toned('  undone by: roadstead deploy', 'quiet'))
  }
  if (findings.length === 0) return
  print()
  await printTable(
    findings,
    [
      { title: 'TIME', of: ({ at }) => timeText(at, now) },
      { title: 'NODE', of: ({ nodeId }) => nodeId },
      { title: 'FOUND', of: ({ kind }) => kind },
      { title: 'AND WHAT WAS DONE', of: ({ what }) => what },
    ],
    '',
  )
}
