import { join } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../../base/clock.ts'
import type { FoundCheckpoints } from '../../drivers/audit/checkpoint-files.ts'
import type { ChainLine, ChainReport } from '../../parts/audit/plan-verify.ts'
import { openContext, settingsOf } from '../context.ts'
import { countText, pluralText, timeText } from '../terminal/format.ts'
import { print, printJson, remark, toned } from '../terminal/output.ts'
import { chainInFiles, chainOfServer, checkpointOfServer, checkpointsIn } from './sources.ts'

interface VerifyOptions {
  readonly from?: string
  readonly data?: string
  readonly checkpoints?: string
  readonly acceptRestores?: boolean
}

/** `roadstead audit verify`: whether the chain is what was sealed; exit code 1 if it is not. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check the audit chain, record by record, and against signed checkpoints')
    .option('--data <folder>', "a server's data folder, read as it lies there")
    .option('--from <path>', 'a folder of segments, or a file that `audit export` wrote')
    .option('--checkpoints <folder>', 'checkpoints that were kept elsewhere')
    .option('--accept-restores', 'restores of backups that the chain records were yours')
    .addHelpText('after', examples)
    .action(async (options: VerifyOptions, command: Command) => {
      const { lines, found } = await sourcesOf(options, command)
      const report = await verify(lines, found, options.acceptRestores === true)
      if (!report.isGood) process.exitCode = 1
      if (settingsOf(command).json) printJson(report)
      else printReport(report, found)
    })
}

const examples = `
Without --data or --from the server is asked for the chain, and each byte is checked here. A tail
that was cut, or a chain that was rewritten as a whole, is found only by checkpoints that lie where
whoever did it could not reach them.

Examples:
  $ roadstead audit verify
  $ roadstead audit verify --data /srv/roadstead --checkpoints /mnt/other/checkpoints
  $ roadstead audit verify --from audit-2026-11.jsonl --json`

interface Sources {
  readonly lines: AsyncIterable<ChainLine>
  readonly found: FoundCheckpoints
}

async function sourcesOf(options: VerifyOptions, command: Command): Promise<Sources> {
  const { data, from, checkpoints } = options
  const place = from ?? (data === undefined ? undefined : join(data, 'server/audit'))
  const kept = checkpoints ?? (data === undefined ? undefined : join(data, 'audit-checkpoints'))
  const isAskedFor = checkpoints !== undefined
  // Before the chain: what is sealed meanwhile has no checkpoint yet, never the other way round.
  const inFiles = kept === undefined ? undefined : await checkpointsIn(kept, { isAskedFor })
  if (place !== undefined) {
    return { lines: chainInFiles(place), found: inFiles ?? { checkpoints: [], forged: [] } }
  }
  const { client } = await openContext(command)
  return { lines: chainOfServer(client), found: inFiles ?? (await checkpointOfServer(client)) }
}

async function verify(
  lines: AsyncIterable<ChainLine>,
  { checkpoints, forged }: FoundCheckpoints,
  acceptRestores: boolean,
): Promise<ChainReport> {
  const { ChainCheck } = await import('../../parts/audit/plan-verify.ts')
  const check = new ChainCheck({ checkpoints, acceptRestores })
  for await (const line of lines) if (check.take(line)) break
  const report = check.end()
  const [forgery] = forged
  if (!report.isGood || forgery === undefined) return report
  const says = `a checkpoint is not signed by a key that lies beside it: ${forgery}`
  return {
    ...report,
    isGood: false,
    problem: { kind: 'checkpoint-forged', revision: 0, says },
  }
}

function printReport(report: ChainReport, { checkpoints }: FoundCheckpoints): void {
  const { isGood, problem, first, last, count, excused } = report
  const good =
    count === 0 ? 'no records' : `revisions ${first} to ${last}, ${pluralText(count, 'record')}`
  if (isGood) print(`${toned('good', 'well')}: ${good}`)
  if (problem !== undefined) {
    const place = problem.segment === undefined ? '' : ` (${problem.segment}:${problem.line})`
    const record = problem.revision === 0 ? '' : ` at revision ${problem.revision}${place}`
    print(`${toned('broken', 'wrong')}${record}: ${problem.says}`)
    print(`good before it: ${good}`)
  }
  const newest = checkpoints.toSorted((a, b) => a.at - b.at).at(-1)
  if (newest === undefined) {
    return remark('no checkpoint was at hand: a tail that was cut off would not be seen')
  }
  if (!isGood) return
  const time = timeText(newest.at, systemClock.now())
  print(
    `${countText(report.checkpoints)} of ${pluralText(checkpoints.length, 'checkpoint')} bear it out, the newest of ${time} at revision ${newest.revision}`,
  )
  if (excused > 0) print(`${pluralText(excused, 'checkpoint')} of a past that a restore has undone`)
}
