import type { Sample } from './protocol.ts'

/** Share of the operations that warm things up and are not counted. */
const warmUpShare = 0.1

/**
 * Runs `operations` by `writers` that each begin the next one when theirs has ended, all in this
 * process; its processor time counts all of its threads.
 */
export async function closedLoop(
  writers: number,
  operations: number,
  operate: (writer: number, turn: number) => Promise<unknown>,
): Promise<Sample> {
  await runAll(writers, Math.ceil(operations * warmUpShare), operate)
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const errors = await runAll(writers, operations, operate)
  const wallMs = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuBefore)
  return { operations, wallMs, cpuMs: (cpu.user + cpu.system) / 1_000, errors }
}

async function runAll(
  writers: number,
  operations: number,
  operate: (writer: number, turn: number) => Promise<unknown>,
): Promise<number> {
  let started = 0
  let errors = 0
  const write = async (writer: number): Promise<void> => {
    for (let turn = 0; started < operations; turn++) {
      started++
      try {
        await operate(writer, turn)
      } catch {
        errors++
      }
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  return errors
}
