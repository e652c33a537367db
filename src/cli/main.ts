import { CommanderError } from 'commander'
import { buildProgram } from './program.ts'
import { exitCodeOf, exitCodes, failureLines } from './terminal/failure.ts'

/** The CLI's entry: parses the command line, runs the command, and says how it failed if it did. */

/** A reader that goes away (`roadstead ps | head -1`) ends the command quietly. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  if (process.argv.includes('--no-color')) process.env['NO_COLOR'] = '1'
  await buildProgram().parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage
  } else {
    for (const line of failureLines(error)) process.stderr.write(`${line}\n`)
    // A role that fails at its start has opened a store or a socket, which would keep it for ever.
    process.exit(exitCodeOf(error))
  }
}
