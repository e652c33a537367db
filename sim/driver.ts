import { MockDriver, type MockMachine } from '../src/drivers/instances/mock/mock-driver.ts'
import type {
  ExitListener,
  Launch,
  Probe,
  ProbeAnswer,
  Started,
} from '../src/parts/instances/driver.ts'
import type { Life } from './life.ts'

/** A start takes this long, in ms: a fork, an exec, and what the shim does. */
const startMs = 5

/** The mock driver in the hands of one run of an agent: slow as a machine is, gone with its agent. */
export class SimDriver extends MockDriver {
  readonly #life: Life
  readonly #hangs: (instanceId: string) => boolean

  /** `hangs`: whether an instance lets a caller wait instead of answering. */
  constructor(machine: MockMachine, life: Life, hangs: (instanceId: string) => boolean) {
    super(machine)
    this.#life = life
    this.#hangs = hangs
  }

  override onExit(listener: ExitListener): void {
    super.onExit((...exit) => this.#life.enter(() => listener(...exit)))
  }

  override async start(launch: Launch): Promise<Started> {
    await this.#life.sleep(startMs)
    return super.start(launch)
  }

  override async probe(instanceId: string, probe: Probe, timeoutMs: number): Promise<ProbeAnswer> {
    if (this.#hangs(instanceId)) {
      await this.#life.sleep(timeoutMs)
      return { ok: false, because: `${probe.kind} check: no answer in ${timeoutMs} ms` }
    }
    return super.probe(instanceId, probe, timeoutMs)
  }
}
