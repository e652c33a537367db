import { resolve } from 'node:path'
import { Command } from 'commander'
import { dataFolderName } from './api/settings.ts'
import { openContext } from './context.ts'
import type { Finding } from './doctor/checks.ts'
import { Exit, exitCodes } from './terminal/failure.ts'
import { pluralText } from './terminal/format.ts'
import { print, printJson, toned } from './terminal/output.ts'

/** `roadstead doctor`: looks at a set-up, and says what is wrong and what to do. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check this set-up: say what is wrong, and what to do')
    .option('--data <folder>', 'the data folder (ROADSTEAD_DATA; ./.roadstead)')
    .addHelpText('after', closing)
    .action(async (options: { data?: string }, command: Command) => {
      const context = await openContext(command)
      const [{ gather }, { examine }] = await Promise.all([
        import('./doctor/gather.ts'),
        import('./doctor/checks.ts'),
      ])
      const folder = resolve(options.data ?? process.env['ROADSTEAD_DATA'] ?? dataFolderName)
      const findings = examine(await gather(context, folder))
      if (context.json) printJson(findings)
      else show(findings)
      if (findings.some(({ is }) => is === 'fail')) throw new Exit(exitCodes.refused)
    })
}

const closing = `
Works without a server too, and then checks what is here. Exit code 1: something is wrong.

Examples:
  $ roadstead doctor
  $ roadstead doctor --json`

const marks = {
  ok: toned('ok  ', 'well'),
  warn: toned('warn', 'moving'),
  fail: toned('fail', 'wrong'),
} as const

function show(findings: readonly Finding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length))
  for (const { check, is, seen, advice } of findings) {
    print(`${marks[is]}  ${check.padEnd(width)}  ${seen}`)
    if (advice !== undefined) print(`${' '.repeat(width + 8)}${advice}`)
  }
  const wrong = findings.filter(({ is }) => is === 'fail').length
  const worth = findings.filter(({ is }) => is === 'warn').length
  print()
  if (wrong + worth === 0) print('all is well')
  else print(`${pluralText(wrong, 'thing')} wrong, ${worth} worth a look`)
}
