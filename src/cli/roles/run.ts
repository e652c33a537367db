import { CommanderError, type Command } from 'commander'
import { systemClock } from '../../base/clock.ts'
import { exitCodeOf, exitCodes, failureLines } from '../terminal/failure.ts'

/** A role that is still starting when its supervisor is gone has this long to notice, in ms. */
const orphanMsMax = 10_000

/** Runs a role's command with this process's command line, and says how it failed if it did. */
export async function runRole(command: Command): Promise<void> {
  tellLateListeners()
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

/**
 * A supervisor that dies while a role starts closes the channel before anybody listens for that;
 * whoever listens later is told at once, or the role would live for ever.
 */
function tellLateListeners(): void {
  process.once('disconnect', () => {
    if (process.listenerCount('disconnect') > 0) return
    process.on('newListener', (event, listener) => {
      if (event === 'disconnect') queueMicrotask(() => listener())
    })
    systemClock.after(orphanMsMax, () => {
      if (process.listenerCount('disconnect') === 0) process.exit(exitCodes.fault)
    })
  })
}
