import { Command, InvalidArgumentError } from 'commander'
import type { LogEntry } from '../parts/audit/model.ts'
import { openContext, patiently, type Context } from './context.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, toned } from './terminal/output.ts'

interface EventOptions {
  readonly follow?: boolean
  readonly lines: number
  readonly key?: string
}

/** Entries that are fetched at once while following. */
const pageSize = 200

/** `roadstead events [-f]`: the ordered log of commits: who changed what, and why. */
export function eventsCommand(): Command {
  return new Command('events')
    .description('print who changed what, when and why')
    .option('-f, --follow', 'go on with new events until Ctrl-C')
    .option('-n, --lines <count>', 'the newest ones to begin with', countOf, 30)
    .option('-k, --key <prefix>', 'those that touched such records: rollout/, app/default/local/')
    .addHelpText('after', '\nExamples:\n  $ roadstead events -f\n  $ roadstead events -k rollout/')
    .action(async (options: EventOptions, command: Command) => {
      const context = await openContext(command)
      const newest = await context.client.eventLog({
        before: Number.MAX_SAFE_INTEGER,
        key: options.key,
        limit: options.lines,
      })
      const entries = newest.toSorted((a, b) => a.revision - b.revision)
      if (context.json && options.follow !== true) return printJson(entries)
      for (const entry of entries) show(context, entry)
      if (options.follow !== true) return
      await follow(await patiently(context), options.key, entries.at(-1)?.revision ?? 0)
    })
}

/** The watch says that something happened; what it was is read from the log, without a gap. */
async function follow(context: Context, key: string | undefined, last: number): Promise<void> {
  let after = last
  try {
    for await (const revision of context.client.changes(after, context.signal)) {
      if (revision <= after) continue
      const entries = await context.client.eventLog({ after, key, limit: pageSize })
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
  if (Number.isInteger(count) && count >= 1 && count <= 1_000) return count
  throw new InvalidArgumentError('It must be a whole number from 1 to 1000.')
}
