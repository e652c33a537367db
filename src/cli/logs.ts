import { Command, InvalidArgumentError, Option } from 'commander'
import type { LogLineView } from '../wire/api.ts'
import type { LogFilter } from './api/client.ts'
import { logLevels, type LogLevel } from '../wire/log-level.ts'
import { openContext, patiently, type Context } from './context.ts'
import { logPrinter, type LogPrinter } from './terminal/log-printer.ts'
import { remark } from './terminal/output.ts'

interface LogOptions {
  readonly grep?: string
  readonly level?: LogLevel
  readonly since?: string
  readonly follow?: boolean
  readonly lines: number
  readonly instance?: string
}

/** `roadstead logs [-f] SERVICE`: what its instances printed, those that have died included. */
export function logsCommand(): Command {
  return new Command('logs')
    .description('print what instances wrote, those that have ended included')
    .argument('[service]', 'app/service, service, or a whole app')
    .option('-f, --follow', 'go on with new lines until Ctrl-C')
    .option('-n, --lines <count>', 'the newest lines to begin with', countOf, 100)
    .option('-i, --instance <id>', 'one instance only (a beginning of its id is enough)')
    .option('-g, --grep <text>', 'lines that contain it; capitals and small letters are the same')
    .addOption(new Option('--level <level>', 'lines at least this severe').choices(logLevels))
    .option('--since <time>', 'lines from that time on: 14:05, "10m ago"')
    .addHelpText('after', examples)
    .action(async (name: string | undefined, options: LogOptions, command: Command) => {
      const context = await openContext(command)
      const { grep: text, level } = options
      const filter = { ...(await filterOf(context, name, options.instance)), text, level }
      const show = logPrinter(context)
      const since = await sinceOf(context, options.since)
      const lines = await context.client.logs({ ...filter, since }, options.lines)
      for (const line of lines) show(line)
      if (options.follow !== true) {
        if (lines.length === 0 && !context.json) remark('no lines are kept of that yet')
        return
      }
      await follow(await patiently(context), filter, lines, show)
    })
}

const examples = `
Examples:
  $ roadstead logs storefront
  $ roadstead logs -f shop/checkout
  $ roadstead logs --instance i-7k3 -n 500
  $ roadstead logs shop --grep timeout --level warning --since "10m ago"`

async function sinceOf(context: Context, text: string | undefined): Promise<number | undefined> {
  if (text === undefined) return undefined
  const { parseTime } = await import('./terminal/past-time.ts')
  return parseTime(text, context.clock.now())
}

async function filterOf(
  context: Context,
  name: string | undefined,
  instance: string | undefined,
): Promise<LogFilter> {
  const { resolveInstance, resolveWriter } = await import('./api/names.ts')
  const all = await context.client.instances({ ...context.cell, ended: true })
  if (instance !== undefined) {
    const found = resolveInstance(instance, all)
    return { ...found.at, service: found.service, instance: found.id }
  }
  return resolveWriter(name, await context.client.apps(), all, context.cell)
}

/** New lines as they come; those that were printed before the stream opened are left out. */
async function follow(
  context: Context,
  filter: LogFilter,
  printed: readonly LogLineView[],
  show: LogPrinter,
): Promise<void> {
  const seen = new Set(printed.map(identityOf))
  const last = printed.at(-1)?.at ?? 0
  try {
    for await (const line of context.client.followLogs(filter, context.signal)) {
      if (line.at <= last && seen.has(identityOf(line))) continue
      show(line)
    }
  } catch (error) {
    if (!context.signal.aborted) throw error
  }
}

function identityOf(line: LogLineView): string {
  return `${line.instanceId} ${line.at} ${line.text}`
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 0 && count <= 10_000) return count
  throw new InvalidArgumentError('It must be a whole number from 0 to 10000.')
}
