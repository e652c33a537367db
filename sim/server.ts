import { Readable } from 'node:stream'
import { digestOf } from '../src/base/digest.ts'
import { Refusal } from '../src/base/errors.ts'
import { composeServer, recordKinds } from '../src/cli/server-parts.ts'
import type { BlobStore } from '../src/parts/artifacts/driver.ts'
import { openCore } from '../src/server/core.ts'
import type { AnyController } from '../src/server/controllers.ts'
import { openInProcess } from '../src/server/in-process.ts'
import { ObservedState } from '../src/store/observed.ts'
import type { Leadership, Store } from '../src/store/port.ts'
import { nodeKey } from '../src/parts/nodes/model.ts'
import { nodeKind } from '../src/parts/nodes/records.ts'
import type { NodeUsage } from '../src/parts/scheduling/usage.ts'
import { openState, type OpenState } from '../src/store/state.ts'
import type { LogStore } from '../src/telemetry/logs/port.ts'
import { Chance } from './chance.ts'
import { Life } from './life.ts'
import type { MachineClock } from './machine-clock.ts'
import { rememberingReader } from './manifests.ts'
import type { Mutation } from './mutants/mutation.ts'
import type { Network } from './network.ts'
import type { SharedStore } from './shared-store.ts'
import type { SimEvent, SimLeader } from './view.ts'
import { watchfulLog } from './watchful-log.ts'

/** The supervisor starts a server again after this long, in ms. */
const restartMs = 1_000

export interface SimServerOptions {
  readonly name: string
  readonly seed: number
  readonly clock: MachineClock
  readonly network: Network
  readonly store: SharedStore
  readonly blobs: BlobStore
  readonly tell: (event: SimEvent) => void
  readonly onBug: (words: string) => void
  readonly mutation: Mutation
}

/** A machine that runs a server: the production one, started again whenever it ends. */
export class SimServer {
  readonly name: string
  readonly clock: MachineClock
  readonly #options: SimServerOptions
  readonly #opened: (() => void)[] = []
  #life: Life | undefined
  #starts = 0
  #isDown = false
  #leader: SimLeader | undefined

  constructor(options: SimServerOptions) {
    this.#options = options
    this.name = options.name
    this.clock = options.clock
  }

  get life(): Life | undefined {
    return this.#life
  }

  /** What it leads with; undefined while it does not. */
  get leader(): SimLeader | undefined {
    return this.#life?.isAlive === true ? this.#leader : undefined
  }

  /** Starts it, as its supervisor does: it waits until it may lead. */
  start(): void {
    if (this.#life?.isAlive === true || this.#isDown) return
    const life = new Life(`${this.name}#${++this.#starts}`, this.name, this.clock)
    this.#life = life
    this.#leader = undefined
    void this.#run(life)
  }

  /** The process dies at once; its supervisor starts another. */
  kill(): void {
    this.#life?.kill()
    this.clock.after(restartMs, () => this.start())
  }

  /** The machine has no power until `powerOn`. */
  powerOff(): void {
    this.#isDown = true
    this.#life?.kill()
    this.#options.network.goDark(this.name)
  }

  powerOn(): void {
    this.#isDown = false
    this.#options.network.goBright(this.name)
    this.start()
  }

  /** After the world's end: Node.js keeps whatever listens to a signal, and all that hangs on it. */
  close(): void {
    for (const close of this.#opened) close()
  }

  async #run(life: Life): Promise<void> {
    const own = this.#options.store.sessionOf(life)
    const session = this.#options.mutation.store?.(own) ?? own
    const leadership = await session.campaign(new AbortController().signal)
    const end = (): void => {
      life.kill()
      this.clock.after(restartMs, () => this.start())
    }
    leadership.lost.addEventListener('abort', end, { once: true })
    try {
      await this.#lead(life, session, leadership)
    } catch {
      // It could not read what it needs: it ends, and another attempt is made.
      if (life.isAlive) end()
    }
  }

  async #lead(life: Life, store: Store, leadership: Leadership): Promise<void> {
    const { network, blobs, mutation, seed } = this.#options
    const random = new Chance(seed, life.name)
    const log = watchfulLog(life.name, this.#options.onBug)
    const observed = new ObservedState(life)
    const kinds = recordKinds
    const options = { store, kinds, clock: life, observations: observed, log, leadership }
    const state = await openState(options)
    const parts = composeServer(
      {
        ingressUrl: 'http://ingress',
        listenerPorts: { from: 20_000, to: 20_999 },
        clock: life,
        random,
        log,
        manifests: rememberingReader,
      },
      { state, observed, blobs, logs: new SimLogStore() },
    )
    mutation.usage?.(parts.usage)
    const controllers = parts.controllers.map((one) => mutation.controller?.(one) ?? one)
    const backendOf = mutation.backendOf?.(parts.backendOf) ?? parts.backendOf
    const core = openCore(
      {
        ...parts,
        controllers: controllers.map((one) => this.#watched(one)),
        backendOf,
        state,
        clock: life,
        random,
        log,
        scheme: 'http',
        tokenPlace: 'the world',
        version: 'sim',
      },
      () => Promise.resolve('{}'),
    )
    const answer = openInProcess(core, { random, log })
    network.listen({ life, answer: mutation.answer?.(answer) ?? answer })
    core.start()
    this.#opened.push(() => {
      void core.stop()
      void state.close()
    })
    this.#leader = leaderOf(state, { controllers, usage: parts.usage }, life)
  }

  /** Tells of each pass. */
  #watched(controller: AnyController): AnyController {
    const { tell } = this.#options
    return {
      ...controller,
      plan(view, now) {
        const plan = controller.plan(view, now)
        if (plan.actions.length === 0) return plan
        const concerns = plan.actions.flatMap(concernsOf)
        tell({ is: 'pass', controller: controller.name, key: keyOf(view), concerns })
        return plan
      },
    }
  }
}

function leaderOf(
  { snapshot }: OpenState,
  parts: { readonly controllers: readonly AnyController[]; readonly usage: NodeUsage },
  life: Life,
): SimLeader {
  return {
    snapshot,
    controllers: parts.controllers,
    now: () => life.now(),
    reservedOn(nodeId) {
      const node = snapshot.get(nodeKind, nodeKey(nodeId))?.value
      if (node === undefined) return undefined
      return { revision: snapshot.revision, used: parts.usage.reservedOn(node).used }
    },
  }
}

/** The instances or the record that an action is about; none for what creates one. */
function concernsOf(action: unknown): string[] {
  const { decision, decisions, entry } = action as {
    decision?: { id?: string }
    /** A batch of the scheduler's. */
    decisions?: readonly { readonly action: { readonly id: string } }[]
    entry?: { key?: string }
  }
  if (decisions !== undefined) return decisions.map(({ action: { id } }) => id)
  const name = decision?.id ?? entry?.key
  return name === undefined ? [] : [name]
}

function keyOf(view: unknown): string {
  const { key, service, node } = view as {
    key?: string
    service?: string
    node?: { id?: string }
  }
  return key ?? service ?? node?.id ?? ''
}

/** Artifacts on a disk that all servers share. */
export class SimBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Buffer>()

  async put(digest: string, content: Readable): Promise<{ digest: string; sizeBytes: number }> {
    const chunks: Buffer[] = []
    for await (const chunk of content) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    // A message that comes twice has no content left the second time.
    if (digestOf(bytes) !== digest) throw new Refusal('digest-mismatch', `that is not ${digest}`)
    this.#blobs.set(digest, bytes)
    return { digest, sizeBytes: bytes.length }
  }

  async get(
    digest: string,
  ): Promise<{ readonly content: Readable; readonly sizeBytes: number } | undefined> {
    const bytes = this.#blobs.get(digest)
    if (bytes === undefined) return undefined
    return { content: Readable.from([bytes]), sizeBytes: bytes.length }
  }

  async has(digest: string): Promise<boolean> {
    return this.#blobs.has(digest)
  }

  async list(): Promise<readonly { digest: string; sizeBytes: number }[]> {
    return [...this.#blobs].map(([digest, bytes]) => ({ digest, sizeBytes: bytes.length }))
  }

  async remove(digest: string): Promise<void> {
    this.#blobs.delete(digest)
  }
}

/** Takes lines and keeps none: nobody reads logs in a simulated world. */
class SimLogStore implements LogStore {
  async append(): Promise<void> {}

  async search(): Promise<{ lines: [] }> {
    return { lines: [] }
  }

  async count(): Promise<{ buckets: [] }> {
    return { buckets: [] }
  }

  async *follow(): AsyncGenerator<never> {}

  offset(): number {
    return 0
  }

  async close(): Promise<void> {}
}
