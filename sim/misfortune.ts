import { Chance } from './chance.ts'
import { wordsOfFault, type Fault } from './faults.ts'
import type { Life } from './life.ts'
import type { MachineClock } from './machine-clock.ts'
import type { Impairment } from './network.ts'
import type { World } from './world.ts'

/** Makes faults happen in a world, and mends them. */
export class Misfortune {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Puts the faults on the world's timeline. */
  plan(faults: readonly Fault[]): void {
    const { timeline } = this.#world
    for (const [index, fault] of faults.entries()) {
      const name = `${index + 1} ${fault.what}`
      const words = wordsOfFault(fault)
      timeline.after(fault.at, () => {
        const mend = this.#begin(name, fault)
        this.#world.faults.add(name)
        this.#world.tell({ is: 'fault-began', fault: name, words })
        timeline.after(fault.forMs, () => {
          mend()
          this.#world.faults.delete(name)
          this.#world.tell({ is: 'fault-ended', fault: name, words })
        })
      })
    }
  }

  /** Lets a fault begin; returns the way to mend it. */
  #begin(name: string, fault: Fault): () => void {
    switch (fault.what) {
      case 'partition':
      case 'delay':
      case 'loss':
      case 'duplicates':
        return this.#impair(name, fault)
      case 'full-store':
        return this.#troubleStore({ isFull: true })
      case 'failing-store':
        return this.#troubleStore({ failsSync: true })
      case 'slow-store':
        return this.#troubleStore({ slowMs: fault.ms })
      case 'drift':
        return this.#wrongClock(fault.host, (clock) => clock.drift(fault.rate))
      case 'jump':
        return this.#wrongClock(fault.host, (clock) => clock.jump(fault.ms))
      case 'full-disk':
        return this.#troubleDisk(fault.host, { isFull: true })
      case 'failing-disk':
        return this.#troubleDisk(fault.host, { failsSync: true })
      case 'slow-disk':
        return this.#troubleDisk(fault.host, { slowMs: fault.ms })
      default:
        return this.#strike(name, fault)
    }
  }

  #strike(name: string, fault: Extract<Fault, { host: string }>): () => void {
    const { host } = fault
    switch (fault.what) {
      case 'kill-instance':
      case 'hang-instance':
        return this.#strikeInstance(name, fault)
      case 'reboot-node':
      case 'power-off-server':
      case 'power-off-ingress': {
        const struck = this.#hostOf(host)
        struck?.powerOff()
        return () => struck?.powerOn()
      }
      case 'freeze-node': {
        const machine = this.#world.machine(host)
        if (machine?.isUp === true) machine.freeze()
        return () => machine?.thaw()
      }
      case 'pause-server':
      case 'pause-agent': {
        const life: Life | undefined = this.#hostOf(host)?.life
        life?.pause()
        return () => life?.resume()
      }
      default:
        this.#hostOf(host)?.kill()
        return () => {}
    }
  }

  #strikeInstance(name: string, { what, host }: { what: string; host: string }): () => void {
    const machine = this.#world.machine(host)
    const running = [...(machine?.processes.values() ?? [])].filter((one) => one.isRunning)
    if (machine === undefined || running.length === 0) return () => {}
    const process = new Chance(this.#world.plot.seed, name).pick(running)
    if (what === 'kill-instance') {
      machine.kill(process.instanceId)
      return () => {}
    }
    process.isHung = true
    process.look()
    return () => {
      process.isHung = false
      process.look()
    }
  }

  #impair(name: string, fault: Extract<Fault, { hosts: readonly string[] }>): () => void {
    const { network } = this.#world
    const hosts = new Set(fault.hosts)
    const out = (more: Partial<Impairment>): Impairment => ({ from: hosts, to: undefined, ...more })
    const into = (more: Partial<Impairment>): Impairment => ({
      from: undefined,
      to: hosts,
      ...more,
    })
    const wrong = wrongOf(fault)
    const isPartition = fault.what === 'partition'
    const others = isPartition && fault.others !== undefined ? new Set(fault.others) : undefined
    if (!isPartition || fault.direction !== 'in') {
      network.impair(`${name} out`, out({ ...wrong, to: others }))
    }
    if (!isPartition || fault.direction !== 'out') {
      network.impair(`${name} in`, into({ ...wrong, from: others }))
    }
    return () => {
      network.mend(`${name} out`)
      network.mend(`${name} in`)
    }
  }

  #troubleStore(trouble: World['store']['trouble']): () => void {
    const { store } = this.#world
    store.trouble = trouble
    return () => {
      store.trouble = {}
    }
  }

  #troubleDisk(host: string, trouble: { isFull?: boolean; failsSync?: boolean; slowMs?: number }) {
    const disk = this.#world.machine(host)?.disk ?? this.#ingressOf(host)?.disk
    if (disk !== undefined) disk.trouble = trouble
    return () => {
      if (disk !== undefined) disk.trouble = {}
    }
  }

  #wrongClock(host: string, make: (clock: MachineClock) => void): () => void {
    const clock = this.#world.machine(host)?.clock ?? this.#hostOf(host)?.clock
    if (clock !== undefined) make(clock)
    return () => clock?.correct()
  }

  #hostOf(host: string) {
    const { servers, agents } = this.#world
    return servers.find(({ name }) => name === host) ?? this.#ingressOf(host) ?? agents.get(host)
  }

  #ingressOf(host: string) {
    return this.#world.ingressHosts.find(({ ingressId }) => ingressId === host)
  }
}

function wrongOf(fault: Extract<Fault, { hosts: readonly string[] }>): Partial<Impairment> {
  switch (fault.what) {
    case 'partition':
      return { isCut: true }
    case 'delay':
      return { delayMs: [0, fault.ms] }
    case 'loss':
      return { loss: fault.share }
    case 'duplicates':
      return { duplicates: { share: fault.share, laterMs: [0, fault.ms] } }
  }
}
