import { MockDriver } from '../src/drivers/instances/mock/mock-driver.ts'
import type {
  ExitListener,
  Launch,
  Probe,
  ProbeAnswer,
  Started,
} from '../src/parts/instances/driver.ts'
import type { Life } from './life.ts'
import type { SimMachine } from './machine.ts'

/** A start takes this long, in ms: a fork, an exec, and what the shim does. */
const startMs = 5

/** The mock driver in the hands of one run of an agent: slow as a machine is, gone with its agent. */
export class SimDriver extends MockDriver {
  readonly #life: Life
  readonly #machine: SimMachine

  constructor(machine: SimMachine, life: Life) {
    super(machine.mock)
    this.#life = life
    this.#machine = machine
  }

  override onExit(listener: ExitListener): void {
    super.onExit((...exit) => this.#life.enter(() => listener(...exit)))
  }

  override async start(launch: Launch): Promise<Started> {
    await this.#life.sleep(startMs)
    return super.start(launch)
  }

  override async probe(instanceId: string, probe: Probe, timeoutMs: number): Promise<ProbeAnswer> {
    const process = this.#machine.processes.get(instanceId)
    // On clocks that drift the answer may be ahead of the look that was planned.
    process?.look()
    if (process?.isHung === true) {
      await this.#life.sleep(timeoutMs)
      return { ok: false, because: `${probe.kind} check: no answer in ${timeoutMs} ms` }
    }
    return super.probe(instanceId, probe, timeoutMs)
  }
}
