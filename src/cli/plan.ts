import { Command } from 'commander'
import { Refusal } from '../base/errors.ts'
import type { DeployPlanView } from '../wire/deploy-plan.ts'
import { addComposeOptions, namedFiles, several } from './compose/compose-file.ts'
import { openContext } from './context.ts'
import type { DeployOptions } from './manifest/deployable.ts'
import { Exit } from './terminal/failure.ts'
import { print, printJson, toned } from './terminal/output.ts'

interface PlanOptions extends DeployOptions {
  readonly exitCode?: boolean
}

/** The exit code for a plan with changes, where `--exit-code` asks for one. */
const changesCode = 2

/** `roadstead plan [APP]`: what a deploy of the app in this folder would change; it stores nothing. */
export function planCommand(): Command {
  const command = new Command('plan')
    .description('print what a deploy of the app in this folder would change, and its hash')
    .argument('[app]', 'its name, to be sure that it is the one in this folder')
    .option(
      '-f, --file <path>',
      'the manifest, its folder, or a compose file; of compose files several',
      several,
    )
    .option('--version <name>', 'what to call it, such as v2; images may have it in their names')
    .option('--keep-drift', 'leave what was scaled or stopped by hand as it is')
    .option('--exit-code', 'exit with 2 where there is something to do, with 0 where not')
    .option('--accept', 'of a compose file: go on without what cannot be carried over')
  return addComposeOptions(command).addHelpText('after', examples).action(run)
}

const examples = `
Exit codes: 0 printed; with --exit-code 0 nothing to do, 2 changes; 1 refused.

Examples:
  $ roadstead plan
  $ roadstead plan shop --cell prod/cz --exit-code
  $ roadstead deploy --plan p1-…        run exactly what was printed, or be refused`

async function run(
  name: string | undefined,
  given: Omit<PlanOptions, 'file' | 'over'> & { readonly file?: readonly string[] },
  command: Command,
): Promise<void> {
  const options: PlanOptions = namedFiles(undefined, given)
  const context = await openContext(command)
  const { withDeployable } = await import('./manifest/deployable.ts')
  const plan = await withDeployable(context, options, async ({ at, request }) => {
    if (name !== undefined && name !== at.app) throw otherApp(name, at.app)
    return context.client.planDeploy(at, request)
  })
  if (context.json) printJson(plan)
  else await printPlan(plan, context.clock.now(), options)
  if (options.exitCode === true && !plan.nothingToDo) throw new Exit(changesCode)
}

async function printPlan(plan: DeployPlanView, now: number, options: PlanOptions): Promise<void> {
  const { planLines } = await import('./terminal/plan-lines.ts')
  for (const line of planLines(plan, now)) print(line)
  if (plan.nothingToDo) return
  const keep = options.keepDrift === true ? ' --keep-drift' : ''
  print()
  print(`${toned('to run exactly this:', 'quiet')} roadstead deploy${keep} --plan ${plan.hash}`)
}

function otherApp(name: string, found: string): Refusal {
  return new Refusal('app-mismatch', `the manifest describes ${found}, not ${name}`, {
    hint: 'name its folder with --file',
  })
}
