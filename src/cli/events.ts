import { Command, InvalidArgumentError } from 'commander'
import type { LogEntry } from '../parts/audit/model.ts'
import type { EventFilter } from './api/client.ts'
import { openContext, patiently, type Context } from './context.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, toned } from './terminal/output.ts'

interface EventOptions {
  readonly follow?: boolean
  readonly lines: number
  readonly key?: string
  readonly who?: string
  readonly what?: string
  readonly grep?: string
  readonly at?: string
  readonly since?: string
  readonly all?: boolean
}

/** The server's own bound. */
const linesMax = 1_000

/** Entries that are fetched at once while following. */
const pageSize = 200

/** `roadstead events [-f]`: the ordered log of commits: who changed what, and why. */
export function eventsCommand(): Command {
  return new Command('events')
    .description('print who changed what, when and why')
    .option('-f, --follow', 'go on with new events until Ctrl-C')
    .option('-n, --lines <count>', 'the newest ones to begin with', countOf, 30)
    .option('-k, --key <prefix>', 'those that touched such records: rollout/, app/default/local/')
    .option('--who <name>', 'what this one did: a person, or one of the control loops')
    .option('--what <verb>', 'verbs that begin so: rollout., app.scale')
    .option('-g, --grep <text>', 'sentences that contain it')
    .option('--at <time>', 'the newest ones at that time: 14:05, "yesterday 14:05", "10m ago"')
    .option('--since <time>', 'those from that time on, at most 1000')
    .option('-a, --all', 'housekeeping too: kept answers, sessions, what is forgotten')
    .addHelpText('after', examples)
    .action(async (options: EventOptions, command: Command) => {
      const context = await openContext(command)
      const entries = await entriesOf(context, options)
      if (context.json && options.follow !== true) return printJson(entries)
      for (const entry of entries) show(context, entry)
      if (options.follow !== true) return
      await follow(await patiently(context), options, entries.at(-1)?.revision ?? 0)
    })
}

const examples = `
Examples:
  $ roadstead events -f
  $ roadstead events -k rollout/
  $ roadstead events --since "10m ago"
  $ roadstead events --who alice --what app.`

/** What the options ask for, oldest first. */
async function entriesOf(context: Context, options: EventOptions): Promise<LogEntry[]> {
  const { client, clock } = context
  const { askOfPast, parseTime } = await import('./terminal/past-time.ts')
  const timeOf = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : parseTime(text, clock.now())
  const [since, until] = [timeOf(options.since), timeOf(options.at)]
  const isNewest = since === undefined && until === undefined
  const entries = await askOfPast(context, () =>
    client.eventLog({
      ...filterOf(options),
      since,
      until,
      before: isNewest ? Number.MAX_SAFE_INTEGER : undefined,
      limit: since === undefined ? options.lines : linesMax,
    }),
  )
  return entries.toSorted((a, b) => a.revision - b.revision)
}

function filterOf({ key, who, what, grep: text, all }: EventOptions): Omit<EventFilter, 'limit'> {
  return { key, who, what, text, housekeeping: all === true }
}

/** The watch says that something happened; what it was is read from the log, without a gap. */
async function follow(context: Context, options: EventOptions, last: number): Promise<void> {
  let after = last
  try {
    for await (const revision of context.client.changes(after, context.signal)) {
      if (revision <= after) continue
      const entries = await context.client.eventLog({
        ...filterOf(options),
        after,
        limit: pageSize,
      })
      for (const entry of entries) show(context, entry)
      after = Math.max(revision, entries.at(-1)?.revision ?? 0)
    }
  } catch (error) {
    if (!context.signal.aborted) throw error
  }
}

function show(context: Context, entry: LogEntry): void {
  if (context.json) return print(JSON.stringify(entry))
  const time = toned(timeText(entry.at, context.clock.now()), 'quiet')
  const revision = toned(String(entry.revision).padStart(6), 'quiet')
  print(`${time} ${revision} ${entry.who.padEnd(12)} ${entry.what.padEnd(18)} ${entry.why}`)
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= linesMax) return count
  throw new InvalidArgumentError('It must be a whole number from 1 to 1000.')
}
