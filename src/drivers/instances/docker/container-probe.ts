import type { Clock } from '../../../base/clock.ts'
import { messageOf } from '../../../base/errors.ts'
import type { Probe, ProbeAnswer } from '../../../parts/instances/driver.ts'
import { probeHttp, probeTcp } from '../shared/probe.ts'
import type { ContainerNote } from './container-notes.ts'
import type { Execs } from './execs.ts'

/**
 * Asks a container whether it can serve: at its published port, so that the engine need not answer,
 * or by a command inside of it. `note`: undefined when it does not run.
 */
export async function probeContainer(
  { clock, execs }: { readonly clock: Clock; readonly execs: Execs },
  note: ContainerNote | undefined,
  probe: Probe,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  if (note === undefined) return { ok: false, because: 'its container does not run' }
  if (probe.kind === 'exec') return probeExec(execs, note, probe.run, timeoutMs)
  const { listen } = note
  if (listen === null) return { ok: false, because: 'it has no port to ask' }
  return probe.kind === 'http'
    ? probeHttp(clock, listen, probe.path, timeoutMs)
    : probeTcp(clock, listen, timeoutMs)
}

async function probeExec(
  execs: Execs,
  { containerId }: ContainerNote,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const [name = ''] = command
  try {
    const exit = await execs.run(containerId, command, timeoutMs)
    if (exit === 'late') {
      return { ok: false, because: `\`${name}\`: no answer within ${timeoutMs} ms` }
    }
    return { ok: exit.code === 0, because: `\`${name}\` exited with ${exit.code ?? exit.signal}` }
  } catch (error) {
    return { ok: false, because: `\`${name}\` failed: ${messageOf(error)}` }
  }
}
