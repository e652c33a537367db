import type { Clock } from '../../../base/clock.ts'
import { Fault } from '../../../base/errors.ts'
import type { Probe, ProbeAnswer } from '../../../parts/instances/driver.ts'
import { insideOfRun, type Holding, type Run } from './holding.ts'
import { probeExec, probeHttp, probeTcp } from '../shared/probe.ts'
import { listeningPorts } from '../shared/listening-ports.ts'

/** What a run is asked by. */
export interface Asking {
  readonly clock: Clock
  readonly holding: Holding
  /** Its environment, for commands beside it. */
  readonly env: Record<string, string>
  readonly timeoutMs: number
}

/** Asks a run once whether it can serve; never rejects. */
export function probeRun(run: Run, probe: Probe, asking: Asking): Promise<ProbeAnswer> {
  const { clock, timeoutMs } = asking
  if (probe.kind === 'exec') return ask(run, probe.run, asking)
  const { listen } = run.launch
  if (listen === null) return Promise.resolve({ ok: false, because: 'it has no port' })
  if (probe.kind === 'http') return probeHttp(clock, listen, probe.path, timeoutMs)
  const deaf = deafOf(run)
  if (deaf !== undefined) return Promise.resolve({ ok: false, because: deaf })
  return probeTcp(clock, listen, timeoutMs)
}

/** What passes connections on takes them before the program does: who listens inside is looked up. */
function deafOf(run: Run): string | undefined {
  const port = run.confinement?.innerPort
  if (port === undefined) return undefined
  const { program } = insideOfRun(run) ?? {}
  const isHeard = program !== undefined && listeningPorts(port, port, program).length > 0
  return isHeard ? undefined : `port ${port}: nothing listens there, inside`
}

async function ask(
  run: Run,
  command: readonly string[],
  { clock, holding, env: whole, timeoutMs }: Asking,
): Promise<ProbeAnswer> {
  const cwd = run.launch.directory
  try {
    const { argv, env } = await holding.beside(run, command, whole)
    return await probeExec(clock, { name: command[0] ?? '', argv }, { cwd, env }, timeoutMs)
  } catch (error) {
    if (error instanceof Fault) return { ok: false, because: error.message }
    throw error
  }
}
