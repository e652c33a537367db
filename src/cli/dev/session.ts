import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { archiveLimits } from '../../parts/artifacts/driver.ts'
import type { Sources } from '../../parts/apps/manifest/release-content.ts'
import { buildJob } from '../../parts/jobs/model.ts'
import { isOver } from '../../parts/rollouts/model.ts'
import type { AppCell } from '../../parts/tenants/model.ts'
import type { LogLineView, RolloutView } from '../../wire/api.ts'
import { openContext, settingsOf, type Context } from '../context.ts'
import { ensureBuilt } from '../manifest/image-builds.ts'
import { withDeployable } from '../manifest/deployable.ts'
import { failureLines } from '../terminal/failure.ts'
import { logPrinter } from '../terminal/log-printer.ts'
import { print, remark, toned } from '../terminal/output.ts'
import { rolloutEnding } from '../terminal/rollout-lines.ts'
import { OwnCloud } from './own-cloud.ts'
import { SourceWatch } from './source-watch.ts'

/** What `roadstead dev` was told. */
export interface DevOptions {
  readonly file?: string
  readonly logs: boolean
}

/** A server that is just starting again is waited for, in ms. */
const patienceMs = 5_000

/** Time between two looks at a rollout, and between two attempts to follow the logs, in ms. */
const lookEveryMs = 250
const logsAgainMs = 1_000

/** Log lines that wait while a deploy draws its line; older ones stay in `roadstead logs`. */
const heldMax = 1_000

/** Deploys what lies in a folder, and again at every save, until Ctrl-C. */
export async function runDev(command: Command, options: DevOptions): Promise<void> {
  const isNamed =
    command.optsWithGlobals<{ server?: string }>().server ?? process.env['ROADSTEAD_SERVER']
  const hasCloud = isNamed !== undefined || settingsOf(command).isSupervised
  const own = hasCloud ? undefined : await OwnCloud.start()
  try {
    const context = await openContext(command, { patienceMs })
    await new Session(context, options).run()
  } finally {
    await own?.end()
  }
}

class Session {
  readonly #context: Context
  readonly #options: DevOptions
  readonly #watch: SourceWatch
  readonly #root: string
  readonly #show: (line: LogLineView) => void
  /** Folders that were packed last; a manifest that is broken meanwhile changes nothing of them. */
  #packed: readonly string[] = []
  #at: AppCell | undefined
  /** The rollout that is looked at; a newer one takes its place. */
  #rolloutId = ''
  /** Lines that came while a deploy was drawing; undefined: they are printed at once. */
  #held: LogLineView[] | undefined

  constructor(context: Context, options: DevOptions) {
    this.#context = context
    this.#options = options
    this.#watch = new SourceWatch(context.clock)
    const place = resolve(options.file ?? '.')
    this.#root = /\.ya?ml$/.test(place) ? dirname(place) : place
    this.#show = logPrinter(context)
  }

  async run(): Promise<void> {
    const { signal } = this.#context
    try {
      while (!signal.aborted) {
        // Before anything is read: what is saved from now on is another save.
        this.#watch.follow(new Set([this.#root, ...this.#packed]))
        await this.#carry()
        this.#watch.follow(new Set([this.#root, ...this.#packed]))
        await this.#watch.next(signal)
      }
    } finally {
      this.#watch.close()
    }
  }

  /** One deploy; whatever is wrong is said, and mended by the next save. */
  async #carry(): Promise<void> {
    const { client, signal } = this.#context
    const { file } = this.#options
    const isFirst = this.#at === undefined
    this.#held = []
    try {
      const request = { supersede: true, ...(file === undefined ? {} : { file }) }
      const { at, answer } = await withDeployable(this.#context, request, async (deployable) => {
        this.#packed = await foldersOf(deployable.files.directory, deployable.sources)
        await ensureBuilt(this.#context, deployable)
        await deployable.parcels.send(client)
        return { at: deployable.at, answer: await client.deploy(deployable.at, deployable.request) }
      })
      this.#release()
      this.#turnTo(at)
      // What is saved and not packed, or saved as it was, is no news.
      if ('unchanged' in answer) {
        if (isFirst) print(`release ${answer.release.number} runs already`)
      } else void this.#follow(at, answer.rolloutId)
    } catch (error) {
      this.#release()
      if (signal.aborted) return
      for (const line of failureLines(error)) remark(line)
      remark(toned('waits for the next save', 'quiet'))
    }
  }

  /** Says how a rollout ends, unless a newer save has taken its place. */
  async #follow(at: AppCell, id: string): Promise<void> {
    const { client, clock, signal } = this.#context
    this.#rolloutId = id
    try {
      for (;;) {
        const view = await client.rollout(at, id)
        if (this.#rolloutId !== id) return
        if (isOver(view.state)) return await this.#tell(view)
        await clock.sleep(lookEveryMs, signal)
      }
    } catch (error) {
      if (!signal.aborted) for (const line of failureLines(error)) remark(line)
    }
  }

  async #tell(view: RolloutView): Promise<void> {
    print(rolloutEnding(view))
    if (view.state !== 'done') return
    const { client } = this.#context
    const apps = await client.apps()
    const { tenant, environment, app } = view.at
    const mine = apps.find(
      ({ at }) => at.app === app && at.tenant === tenant && at.environment === environment,
    )
    for (const { name, url } of mine?.services ?? []) if (url !== null) print(`  ${name}  ${url}`)
  }

  /** Another app is carried from now on: the manifest has another name. */
  #turnTo(at: AppCell): void {
    if (this.#at?.app === at.app) return
    this.#at = at
    if (this.#options.logs) void this.#printLogs(at)
  }

  /** What its instances print, for as long as the session lasts. */
  async #printLogs(at: AppCell): Promise<void> {
    const { client, clock, signal } = this.#context
    while (!signal.aborted && this.#at === at) {
      try {
        for await (const line of client.followLogs({ ...at }, signal)) {
          // What a build prints is shown by who waits for it.
          if (line.service !== buildJob) this.#take(line)
        }
      } catch {
        // The server is away; it is asked again.
      }
      await clock.sleep(logsAgainMs, signal).catch(() => {})
    }
  }

  #take(line: LogLineView): void {
    if (this.#held === undefined) return this.#show(line)
    this.#held.push(line)
    if (this.#held.length > heldMax) this.#held.shift()
  }

  #release(): void {
    for (const line of this.#held ?? []) this.#show(line)
    this.#held = undefined
  }
}

/** Every folder that holds something which was packed. */
async function foldersOf(directory: string, sources: Sources): Promise<string[]> {
  const { directories, contexts, files, mounts } = sources
  const [{ readSourceTree }, { placedTree }, { readContext }] = await Promise.all([
    import('../../drivers/artifacts/source-tree.ts'),
    import('../../drivers/artifacts/placed-tree.ts'),
    import('../../drivers/artifacts/build-context.ts'),
  ])
  const folders = files.map((file) => dirname(resolve(directory, file)))
  for (const mount of Object.values(mounts).flat()) {
    const lying = (await placedTree(directory, mount)).filter((one) => one.type === 'file')
    for (const { lies } of lying)
      if (lies !== undefined) folders.push(dirname(resolve(directory, lies)))
  }
  for (const source of directories) {
    const root = resolve(directory, source)
    folders.push(root)
    for (const { type, path } of await readSourceTree(root, {
      except: '',
      limits: archiveLimits,
    })) {
      if (type === 'directory') folders.push(resolve(root, path))
    }
  }
  for (const context of contexts) {
    const root = resolve(directory, context.directory)
    folders.push(root)
    for (const { type, path } of await readContext(root, context.dockerfiles)) {
      if (type === 'directory') folders.push(resolve(root, path))
    }
  }
  return folders
}
