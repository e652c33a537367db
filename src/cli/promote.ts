import { Command } from 'commander'
import { parseCell } from './api/settings.ts'
import { openContext, type Context } from './context.ts'
import { print, printJson, remark, toned } from './terminal/output.ts'
import type { AppCell, Cell } from '../parts/tenants/model.ts'
import type { DeployPlanView } from '../wire/deploy-plan.ts'

interface PromoteOptions {
  readonly from: string
  readonly to: string
  readonly plan?: string
  readonly planOnly?: boolean
  readonly keepDrift?: boolean
  readonly supersede: boolean
  readonly detach?: boolean
}

/** `roadstead promote APP --from qa --to prod`: what was tested there goes here, to the byte. */
export function promoteCommand(): Command {
  return new Command('promote')
    .description('carry the release that runs in one cell into another, with its artifacts')
    .argument('<app>')
    .requiredOption('--from <cell>', 'where it was tested: environment/tenant, or environment')
    .requiredOption('--to <cell>', 'where it is to go, likewise')
    .option('--plan-only', 'print what it would change, and its hash; do nothing')
    .option('--plan <hash>', 'promote exactly what --plan-only printed, or be refused')
    .option('--keep-drift', 'leave what was scaled or stopped by hand as it is')
    .option('--supersede', 'take the place of a rollout that is under way', false)
    .option('-d, --detach', 'do not follow the rollout')
    .addHelpText('after', closing)
    .action(run)
}

const closing = `
Nothing is packed or uploaded: the manifest that was deployed there is rendered for this cell, with
exactly the artifacts that ran there. Without a tenant, it is that of --cell.

Examples:
  $ roadstead promote shop --from qa/cz --to prod/cz
  $ roadstead promote shop --from qa/cz --to prod/cz --plan-only`

async function run(app: string, options: PromoteOptions, command: Command): Promise<void> {
  const context = await openContext(command)
  const from = cellOf(options.from, context.cell)
  const at = { ...cellOf(options.to, context.cell), app }
  const { supersede, keepDrift = false, plan } = options
  const request = { from, supersede, keepDrift, ...(plan === undefined ? {} : { plan }) }
  if (options.planOnly === true) {
    return showPlan(context, await context.client.planPromotion(at, request), options)
  }
  const answer = await context.client.promote(at, request)
  if ('unchanged' in answer) {
    if (context.json) return printJson(answer)
    return print(
      `nothing to do: ${nameOf(at)} runs exactly this (release ${answer.release.number})`,
    )
  }
  if (!context.json) remark(toned(`${app}: from ${nameOf(from)} to ${nameOf(at)}`, 'quiet'))
  const { followIntent } = await import('./rollout-follower.ts')
  return followIntent(context, at, answer, options.detach === true)
}

async function showPlan(
  context: Context,
  plan: DeployPlanView,
  { from, to, keepDrift }: PromoteOptions,
): Promise<void> {
  if (context.json) return printJson(plan)
  const { planLines } = await import('./terminal/plan-lines.ts')
  for (const line of planLines(plan, context.clock.now())) print(line)
  if (plan.nothingToDo) return
  const keep = keepDrift === true ? ' --keep-drift' : ''
  const command = `roadstead promote ${plan.at.app} --from ${from} --to ${to}${keep}`
  print()
  print(`${toned('to run exactly this:', 'quiet')} ${command} --plan ${plan.hash}`)
}

/** `qa` is the environment for the tenant of --cell. */
function cellOf(text: string, { tenant }: Cell): Cell {
  return parseCell(text.includes('/') ? text : `${text}/${tenant}`)
}

function nameOf({ environment, tenant }: Cell | AppCell): string {
  return `${environment}/${tenant}`
}
