import type {
  Adopted,
  DriverName,
  Exec,
  Exit,
  ExitListener,
  InstanceDriver,
  Launch,
  OutputChunk,
  OutputPosition,
  OutputStream,
  Probe,
  ProbeAnswer,
  Started,
  Stray,
  Terminal,
  Throttled,
} from '../../../parts/instances/driver.ts'
import type { ImageRef } from '../../../parts/artifacts/model.ts'

/** A driver for containers, which knows what it has. */
export interface ContainerDriver extends InstanceDriver {
  /** Whether it has anything of this instance. */
  has(instanceId: string): boolean
}

/**
 * Archives as processes, images as containers, on one node. Each instance is one driver's from its
 * start to its end; what neither knows of is asked of the processes', which answers for nobody.
 */
export class ComposedDriver implements InstanceDriver {
  readonly name = 'composed'
  readonly #processes: InstanceDriver
  readonly #containers: ContainerDriver
  readonly #mayBuild: boolean

  /** `mayBuild`: images may be built here, by processes that hand them to the engine. */
  constructor(processes: InstanceDriver, containers: ContainerDriver, mayBuild = false) {
    this.#processes = processes
    this.#containers = containers
    this.#mayBuild = mayBuild
  }

  offers(): readonly DriverName[] {
    const images = this.#containers.offers()
    const builds = this.#mayBuild && images.length > 0 ? (['builds'] as const) : []
    return [...this.#processes.offers(), ...images, ...builds]
  }

  throttled(instanceId: string): Throttled | undefined {
    return this.#of(instanceId).throttled(instanceId)
  }

  pull(image: ImageRef): Promise<void> {
    return this.#containers.pull(image)
  }

  async collect(inUse: ReadonlySet<string>): Promise<void> {
    await this.#processes.collect(inUse)
    await this.#containers.collect(inUse)
  }

  async adopt(): Promise<readonly Adopted[]> {
    const both = [this.#processes.adopt(), this.#containers.adopt()]
    return (await Promise.all(both)).flat()
  }

  onExit(listener: ExitListener): void {
    this.#processes.onExit(listener)
    this.#containers.onExit(listener)
  }

  start(launch: Launch): Promise<Started> {
    return (launch.image === undefined ? this.#processes : this.#containers).start(launch)
  }

  terminate(instanceId: string): Promise<void> {
    return this.#of(instanceId).terminate(instanceId)
  }

  end(instanceId: string): Promise<Exit | undefined> {
    return this.#of(instanceId).end(instanceId)
  }

  probe(instanceId: string, probe: Probe, timeoutMs: number): Promise<ProbeAnswer> {
    return this.#of(instanceId).probe(instanceId, probe, timeoutMs)
  }

  get(instanceId: string, path: string, timeoutMs: number): Promise<ProbeAnswer> {
    return this.#of(instanceId).get(instanceId, path, timeoutMs)
  }

  startExec(
    instanceId: string,
    command: readonly string[],
    terminal: Terminal | null,
  ): Promise<Exec> {
    return this.#of(instanceId).startExec(instanceId, command, terminal)
  }

  portsHeld(from: number, to: number): Promise<readonly number[]> {
    return this.#processes.portsHeld(from, to)
  }

  hasOutput(instanceId: string, stream: OutputStream, from: OutputPosition): boolean {
    return this.#of(instanceId).hasOutput(instanceId, stream, from)
  }

  readOutput(
    instanceId: string,
    stream: OutputStream,
    from: OutputPosition,
    bytesMax: number,
  ): Promise<OutputChunk | undefined> {
    return this.#of(instanceId).readOutput(instanceId, stream, from, bytesMax)
  }

  leaseNow(): number {
    return this.#processes.leaseNow()
  }

  renew(instanceId: string, until: number): Promise<void> {
    return this.#of(instanceId).renew(instanceId, until)
  }

  async strays(known: ReadonlySet<string>): Promise<readonly Stray[]> {
    const processes = await this.#processes.strays(known)
    const containers = await this.#containers.strays(known)
    return [...processes, ...containers]
  }

  /** A folder is removed where it lies: the other driver has none of that name. */
  async endStray(stray: Stray): Promise<void> {
    if (stray.is !== 'container') await this.#processes.endStray(stray)
    if (stray.is !== 'process') await this.#containers.endStray(stray)
  }

  discard(instanceId: string): Promise<void> {
    return this.#of(instanceId).discard(instanceId)
  }

  async hasVolume(id: string): Promise<boolean> {
    return (await this.#processes.hasVolume(id)) || this.#containers.hasVolume(id)
  }

  async removeVolume(id: string): Promise<void> {
    await this.#processes.removeVolume(id)
    await this.#containers.removeVolume(id)
  }

  async close(): Promise<void> {
    await this.#processes.close()
    await this.#containers.close()
  }

  #of(instanceId: string): InstanceDriver {
    return this.#containers.has(instanceId) ? this.#containers : this.#processes
  }
}
