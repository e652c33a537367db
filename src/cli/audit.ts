import { Command, InvalidArgumentError } from 'commander'
import type { SealedRecord } from '../parts/audit/model.ts'
import { exportCommand } from './audit/export.ts'
import { verifyCommand } from './audit/verify.ts'
import { openContext, type Context } from './context.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, remark, toned } from './terminal/output.ts'

interface AuditOptions {
  readonly lines: number
  readonly who?: string
  readonly what?: string
  readonly key?: string
  readonly since?: string
  readonly until?: string
}

/** Records that one list prints at the most. */
const linesMax = 10_000

/** `roadstead audit`: what was sealed, the newest last. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('print the sealed log of all that was done; verify or export it')
    .option('-n, --lines <count>', 'the newest records', countOf, 50)
    .option('--who <name>', 'of one person or controller')
    .option('--what <verb>', '`app.deploy`; `app.` for all that was done to apps')
    .option('--key <prefix>', 'that touched a record whose key begins so')
    .option('--since <time>', 'from then on: 14:05, yesterday 14:05, "10m ago", 2026-11-21')
    .option('--until <time>', 'up to then')
    .addHelpText('after', examples)
    .action(async (options: AuditOptions, command: Command) => {
      const context = await openContext(command)
      const records = (await recordsOf(context, options)).toReversed()
      if (context.json) return printJson(records)
      const now = context.clock.now()
      for (const record of records) print(lineOf(record, now))
      if (records.length === 0) remark('nothing like this was sealed')
    })
    .addCommand(verifyCommand())
    .addCommand(exportCommand())
}

const examples = `
Examples:
  $ roadstead audit --who operator --since "1d ago"
  $ roadstead audit --what app.deploy -n 10
  $ roadstead audit verify --data ./.roadstead`

async function recordsOf(
  { client, clock }: Context,
  { lines, since, until, who, what, key }: AuditOptions,
): Promise<SealedRecord[]> {
  const { parseTime } = await import('./terminal/past-time.ts')
  const timeOf = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : parseTime(text, clock.now())
  const times = { since: timeOf(since), until: timeOf(until) }
  const records: SealedRecord[] = []
  for (let before: number | undefined; records.length < lines;) {
    const limit = Math.min(lines - records.length, 1_000)
    const { items, next } = await client.auditRecords({ who, what, key, ...times, before, limit })
    records.push(...items)
    if (next === undefined) break
    before = next
  }
  return records
}

function lineOf({ at, revision, who, what, why }: SealedRecord, now: number): string {
  const time = toned(`${timeText(at, now)} ${String(revision).padStart(6)}`, 'quiet')
  return `${time} ${who} ${what}: ${why}`
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= linesMax) return count
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${linesMax}.`)
}
