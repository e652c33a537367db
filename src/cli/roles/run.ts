import { CommanderError, type Command } from 'commander'
import { exitCodeOf, exitCodes, failureLines } from '../terminal/failure.ts'

/** Runs a role's command with this process's command line, and says how it failed if it did. */
export async function runRole(command: Command): Promise<void> {
  try {
    await command.exitOverride().parseAsync(process.argv)
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exit(error.exitCode === 0 ? 0 : exitCodes.usage)
    }
    for (const line of failureLines(error)) process.stderr.write(`${line}\n`)
    process.exit(exitCodeOf(error))
  }
}
