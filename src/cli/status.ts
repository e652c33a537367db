import { Command } from 'commander'
import { Refusal } from '../base/errors.ts'
import type { AppView, ServiceView } from '../wire/api.ts'
import type { MomentView } from '../wire/history.ts'
import { openContext, type Context } from './context.ts'
import { countText, latencyText, pluralText, rateText, timeText } from './terminal/format.ts'
import { handDriftText } from './terminal/plan-lines.ts'
import {
  print,
  printJson,
  printTable,
  remark,
  toned,
  type Column,
  type Tone,
} from './terminal/output.ts'
import { releaseName } from './terminal/rollout-lines.ts'

/** `roadstead status [APP]`: what is deployed, how it is, and what it carries. */
export function statusCommand(): Command {
  return new Command('status')
    .description('print what is deployed, how it is, and the traffic that it carries')
    .argument('[app]', 'one app only')
    .option('--at <time>', 'as it was: 14:05, "yesterday 14:05", 2026-11-21T14:05, "10m ago"')
    .addHelpText(
      'after',
      '\nExamples:\n  $ roadstead status\n  $ roadstead status shop --json\n  $ roadstead status --at 14:05',
    )
    .action(async (name: string | undefined, options: { at?: string }, command: Command) => {
      const context = await openContext(command)
      const past = options.at === undefined ? undefined : await appsAt(context, options.at)
      const all = past?.items ?? (await context.client.apps())
      const { resolveApp } = await import('./api/names.ts')
      const named = command.optsWithGlobals<{ cell?: string }>().cell !== undefined
      const apps = name !== undefined ? [resolveApp(name, all, context.cell)] : all
      const shown = named && name === undefined ? apps.filter(inCell(context.cell)) : apps
      if (context.json) return printJson(name === undefined ? shown : shown[0])
      if (past !== undefined) printAsOf(past.asOf, past.at, context.clock.now())
      if (shown.length === 0) {
        return print(
          past === undefined
            ? 'nothing is deployed; `roadstead deploy` begins'
            : 'nothing was deployed then',
        )
      }
      if (past === undefined) await remarkFindings(context)
      for (const [index, app] of shown.entries()) {
        if (index > 0) print()
        await printApp(app, context.clock.now())
      }
    })
}

/** What was found on the nodes for this long is told of, in ms. */
const recentMs = 60 * 60_000

async function remarkFindings({ client, clock }: Context): Promise<void> {
  const findings = await client.findings().catch(noneFromOlder)
  const recent = findings.filter(({ at }) => clock.now() - at < recentMs).length
  if (recent === 0) return
  const text = `${pluralText(recent, 'thing')} undone on the nodes in the last hour`
  remark(toned(`${text}: roadstead drift`, 'moving'))
}

/** A server of the version before has no such route. */
function noneFromOlder(error: unknown): [] {
  if (error instanceof Refusal && error.status === 404) return []
  throw error
}

async function appsAt(context: Context, text: string) {
  const { askOfPast, parseTime } = await import('./terminal/past-time.ts')
  const at = parseTime(text, context.clock.now())
  return { at, ...(await askOfPast(context, () => context.client.appsAt(at))) }
}

/** Nobody is to take the past for now. */
function printAsOf(asOf: MomentView, at: number, now: number): void {
  const last = `the last change before was ${timeText(asOf.at, now)}, revision ${asOf.revision}`
  print(toned(`AS IT WAS at ${timeText(at, now)}, not as it is now (${last})`, 'moving'))
  print(
    toned('What agents and the ingress saw is not kept: ONLINE is what the records held.', 'quiet'),
  )
  print()
}

function inCell(cell: { environment: string; tenant: string }): (app: AppView) => boolean {
  return ({ at }) => at.environment === cell.environment && at.tenant === cell.tenant
}

async function printApp(app: AppView, now: number): Promise<void> {
  const cell = `${app.at.environment}/${app.at.tenant}`
  const release =
    app.releaseNumber === null
      ? 'no release yet'
      : releaseName({ releaseNumber: app.releaseNumber, version: app.version })
  const traffic = app.traffic === null ? '' : ` · ${rateText(app.traffic.requestsPerSecond)} req/s`
  const word = app.asOf === undefined ? app.health : `${app.health} by the records`
  const health = toned(word, healthTones[app.health])
  print(`${app.at.app} in ${cell} · ${release} · ${health}${traffic}`)
  if (app.rolloutId !== null) {
    const verb = app.asOf === undefined ? 'is' : 'was'
    print(toned(`a rollout ${verb} under way: roadstead rollout ${app.rolloutId}`, 'quiet'))
  }
  const isPast = app.asOf !== undefined
  await printTable(
    app.services,
    [
      { title: 'SERVICE', of: (service) => service.name },
      { title: isPast ? 'ONLINE' : 'READY', align: 'right', of: readyText },
      { title: 'MAINTENANCE', align: 'right', of: ({ maintenance }) => orDash(maintenance) },
      { title: 'DRAINING', align: 'right', of: ({ draining }) => orDash(draining) },
      ...(isPast ? [] : trafficColumns),
      { title: 'URL', of: (service) => service.url ?? '' },
    ],
    'no services yet',
  )
  for (const { name, image } of app.services) {
    if (image !== undefined) print(toned(`${name} runs ${image}`, 'quiet'))
  }
  for (const drift of app.drift) print(toned(`by hand: ${handDriftText(drift, now)}`, 'moving'))
}

const trafficColumns: readonly Column<ServiceView>[] = [
  { title: 'REQ/S', align: 'right', of: ({ traffic: t }) => rateOf(t?.requestsPerSecond) },
  { title: 'FAILED', align: 'right', of: failedText },
  { title: 'P99', align: 'right', of: ({ traffic: t }) => latencyText(t?.p99Ms ?? null) },
]

const healthTones: Readonly<Record<AppView['health'], Tone>> = {
  ok: 'well',
  degraded: 'moving',
  down: 'wrong',
  rolling: 'moving',
  stopped: 'quiet',
  destroying: 'moving',
}

function readyText(service: ServiceView): string {
  if (service.stopped) return toned('stopped', 'quiet')
  const text = `${service.ready}/${service.wanted}`
  return toned(text, service.ready >= service.wanted ? 'well' : 'wrong')
}

function failedText({ traffic }: ServiceView): string {
  if (traffic === null) return '-'
  return toned(countText(traffic.failedTotal), traffic.failedTotal > 0 ? 'wrong' : 'quiet')
}

function orDash(count: number): string {
  return count === 0 ? '-' : countText(count)
}

function rateOf(perSecond: number | undefined): string {
  return perSecond === undefined ? '-' : rateText(perSecond)
}
