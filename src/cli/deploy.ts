import { Command } from 'commander'
import { Refusal } from '../base/errors.ts'
import type { DeployAnswer } from '../wire/api.ts'
import type { DeployPlanView, UnchangedAnswer } from '../wire/deploy-plan.ts'
import { addComposeOptions, namedFiles, several } from './compose/compose-file.ts'
import { openContext, type Context } from './context.ts'
import type { Deployable, DeployOptions } from './manifest/deployable.ts'
import { Exit, exitCodes } from './terminal/failure.ts'
import { print, printJson, remark, toned } from './terminal/output.ts'

interface Options extends DeployOptions {
  readonly detach?: boolean
  readonly confirm?: boolean
  readonly plan?: string
}

/** As the command line has them. */
type Given = Omit<Options, 'file' | 'over'> & { readonly file?: readonly string[] }

/** `roadstead deploy`: the app in this folder goes to its cell, step by step, with proof of zero. */
export function deployCommand(): Command {
  const command = new Command('deploy')
    .description('carry the app in this folder into a cell, and follow it')
    .argument('[file]', 'the manifest, the folder that it lies in, or a compose file')
    .option(
      '-f, --file <path>',
      'the same; of compose files several, laid over one another',
      several,
    )
    .option('--version <name>', 'what to call it, such as v2; the git commit unless you say')
    .option('--plan <hash>', 'run exactly what `roadstead plan` printed, or be refused')
    .option('--confirm', 'show the plan, and ask before anything is done')
    .option('--keep-drift', 'leave what was scaled or stopped by hand as it is')
    .option('--supersede', 'take the place of a rollout that is under way', false)
    .option('-d, --detach', 'do not follow the rollout')
    .option('--accept', 'of a compose file: go on without what cannot be carried over')
  return addComposeOptions(command).addHelpText('after', examples).action(run)
}

const examples = `
A deploy of what runs already changes nothing, and exits with 0.
Where a gate of platform.yaml holds the rollout, it says what it waits for, and exits with 0.
Exit code 1: it was refused, or it went out and was reverted; the last line says why.

Examples:
  $ roadstead deploy
  $ roadstead deploy --version v2 --cell prod/cz
  $ roadstead plan && roadstead deploy --plan p1-…
  $ roadstead deploy --file examples/shop --supersede --detach
  $ roadstead deploy docker-compose.yml --registry registry.example/team
  $ roadstead deploy -f compose.yaml -f compose.prod.yaml`

async function run(file: string | undefined, given: Given, command: Command): Promise<void> {
  const options: Options = namedFiles(file, given)
  const context = await openContext(command)
  const { withDeployable } = await import('./manifest/deployable.ts')
  const done = await withDeployable(context, options, async (deployable) => ({
    at: deployable.at,
    answer: await deploy(context, deployable, options),
  }))
  const { at, answer } = done
  if ('unchanged' in answer) return context.json ? printJson(answer) : undefined
  const { followIntent } = await import('./rollout-follower.ts')
  return followIntent(context, at, answer, options.detach === true)
}

/** Shows what it comes to, sends what the server lacks, and asks for the release. */
async function deploy(
  context: Context,
  deployable: Deployable,
  options: Options,
): Promise<DeployAnswer | UnchangedAnswer> {
  const { at, parcels, request } = deployable
  const { client } = context
  if (deployable.builds.length > 0) {
    const { ensureBuilt } = await import('./manifest/image-builds.ts')
    await ensureBuilt(context, deployable)
  }
  const plan = options.plan === undefined ? await client.planDeploy(at, request) : undefined
  if (plan !== undefined) {
    const { base } = plan
    await showPlan(context, plan, options)
    // Nothing is sent for it: the server would say the same.
    if (plan.nothingToDo && plan.ahead.length === 0 && base !== null) {
      return { unchanged: true, release: base }
    }
  }
  const { drawing } = await import('./manifest/deployable.ts')
  const summary = await drawing(context, 'sending what the server lacks', parcels.send(client))
  if (!context.json) remark(toned(summary, 'quiet'))
  const hash = options.plan ?? (options.confirm === true ? plan?.hash : undefined)
  const answer = await client.deploy(at, hash === undefined ? request : { ...request, plan: hash })
  // Only where it became so since the plan was made.
  if ('unchanged' in answer && !context.json) print(`release ${answer.release.number} runs already`)
  return answer
}

async function showPlan(context: Context, plan: DeployPlanView, options: Options): Promise<void> {
  const asks = options.confirm === true && !plan.nothingToDo
  if (!context.json || asks) {
    const { noteLines, nothingToDo, planLines, planSummary } =
      await import('./terminal/plan-lines.ts')
    if (plan.nothingToDo) print(nothingToDo(plan))
    else if (asks) for (const line of planLines(plan, context.clock.now())) remark(line)
    else for (const line of [planSummary(plan), ...noteLines(plan)]) remark(line)
  }
  if (asks) await confirm(plan)
}

/** Asks a person; where nobody can be asked it refuses. */
async function confirm({ at }: DeployPlanView): Promise<void> {
  const cell = `${at.environment}/${at.tenant}`
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Refusal('confirmation-needed', `--confirm asks before ${at.app} goes to ${cell}`, {
      hint: 'where nobody can be asked: `roadstead plan`, then `roadstead deploy --plan HASH`',
    })
  }
  const prompts = await import('@clack/prompts')
  const message = `Carry this into ${cell}?`
  const answer = await prompts.confirm({ message, output: process.stderr })
  if (answer === true) return
  remark('nothing was changed')
  throw new Exit(answer === false ? exitCodes.refused : exitCodes.interrupted)
}
