import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Clock } from '../../../base/clock.ts'
import { Fault, Refusal } from '../../../base/errors.ts'
import { dockerHub, parseImageName } from '../../../base/image-name.ts'
import type { CredentialsOf } from '../../../base/registry-credentials.ts'
import type { ImageRef } from '../../../parts/artifacts/model.ts'
import type { Engine } from './engine.ts'

/**
 * The images of one agent: pulled by digest, and removed again when nothing uses them. Only what
 * was brought here by this agent is ever removed; what was there before is somebody else's.
 */

/** Images that nothing uses any more but that a revert may want: the newest few. */
const unusedKeptMax = 4

/** A pull that says nothing for so long hangs, in ms. */
const pullSilentMs = 60_000

/** The longest pull, in ms; the next one goes on with the layers that came. */
const pullMsMax = 30 * 60_000

/** What an image says of how it runs. */
export interface ImageConfig {
  /** Empty: root. */
  readonly user: string
  readonly workingDirectory: string
  /** Its entrypoint and the arguments to it. */
  readonly command: readonly string[]
  /** The part of it that stays when other arguments are given. */
  readonly entrypoint: readonly string[]
  readonly searchPath: string
}

interface InspectedImage {
  readonly Config?: {
    readonly User?: string
    readonly WorkingDir?: string
    readonly Entrypoint?: readonly string[] | null
    readonly Cmd?: readonly string[] | null
    readonly Env?: readonly string[] | null
  }
}

/** Where the engine looks when an image says nothing. */
const usualSearchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** An image that this agent has pulled. */
interface Pulled {
  /** As the engine knows it: `registry.example/shop/web@sha256:…`. */
  readonly name: string
  readonly digest: string
  /** Wall ms. */
  readonly usedAt: number
}

export interface ImagesOptions {
  readonly engine: Engine
  readonly clock: Clock
  /** Where it is kept which images were pulled. */
  readonly file: string
  readonly credentials: CredentialsOf
}

export class Images {
  readonly #options: ImagesOptions
  readonly #pulls = new Map<string, Promise<void>>()
  #pulled: readonly Pulled[] | undefined

  constructor(options: ImagesOptions) {
    this.#options = options
  }

  /** Brings it here; pulls of one image are one pull. */
  async pull(image: ImageRef): Promise<void> {
    const name = nameOf(image)
    const underWay = this.#pulls.get(name)
    if (underWay !== undefined) return underWay
    const pull = this.#pullOnce(image, name)
    this.#pulls.set(name, pull)
    try {
      await pull
    } finally {
      this.#pulls.delete(name)
    }
  }

  /** What the image says of how it runs. Undefined: it is not here. */
  async configOf(image: ImageRef): Promise<ImageConfig | undefined> {
    const path = `/images/${encodeURIComponent(nameOf(image))}/json`
    const { status, body } = await this.#options.engine.demand({ method: 'GET', path }, [404])
    if (status === 404) return undefined
    const { User, WorkingDir, Entrypoint, Cmd, Env } = (body as InspectedImage).Config ?? {}
    const search = (Env ?? []).find((entry) => entry.startsWith('PATH='))
    return {
      user: User ?? '',
      workingDirectory: WorkingDir || '/',
      entrypoint: Entrypoint ?? [],
      command: [...(Entrypoint ?? []), ...(Cmd ?? [])],
      searchPath: search?.slice('PATH='.length) ?? usualSearchPath,
    }
  }

  /** Removes what it has pulled and nothing uses, but for the newest few. */
  async collect(inUse: ReadonlySet<string>): Promise<void> {
    const pulled = await this.#known()
    const unused = pulled.filter(({ digest }) => !inUse.has(digest))
    const oldest = unused.toSorted((a, b) => b.usedAt - a.usedAt).slice(unusedKeptMax)
    for (const { name } of oldest) {
      const path = `/images/${encodeURIComponent(name)}`
      // 409: a container of somebody else uses it meanwhile, so it is no longer ours to remove.
      await this.#options.engine.demand({ method: 'DELETE', path }, [404, 409])
      await this.#keep((await this.#known()).filter((one) => one.name !== name))
    }
  }

  async #pullOnce(image: ImageRef, name: string): Promise<void> {
    if ((await this.configOf(image)) !== undefined) return this.#use(image, name, false)
    await this.#fetch(image)
    if ((await this.configOf(image)) === undefined) {
      throw new Fault('pull-failed', `${image.image} is not here after its pull`)
    }
    await this.#use(image, name, true)
  }

  async #fetch({ image, digest }: ImageRef): Promise<void> {
    const { engine, clock, credentials } = this.#options
    const name = parseImageName(image)
    if (name === undefined) throw new Refusal('image-invalid', `${image} is no name of an image`)
    const { registry, repository } = name
    const found = await credentials(registry)
    const auth = {
      username: found?.user,
      password: found?.password.reveal(),
      serveraddress: registry,
    }
    const headers: Record<string, string> =
      found === undefined ? {} : { 'x-registry-auth': paddedBase64url(JSON.stringify(auth)) }
    const query = { fromImage: `${registry}/${repository}`, tag: digest }
    const path = '/images/create'
    const call = { method: 'POST', path, query, headers, timeoutMs: pullSilentMs } as const
    const late = new AbortController()
    const ends = [clock.after(pullMsMax, () => late.abort())]
    try {
      const progress = await engine.stream(call, late.signal).catch((error: unknown) => {
        throw pullFault(image, error)
      })
      let last = ''
      for await (const chunk of progress) {
        ends.shift()?.cancel()
        ends.push(clock.after(pullSilentMs, () => late.abort()))
        last = (last + String(chunk)).slice(-progressCharsKept)
      }
      const error = errorIn(last)
      if (error !== undefined) throw new Fault('pull-failed', `${image}: ${error}`)
    } catch (error) {
      if (!late.signal.aborted) throw error
      throw new Fault('pull-failed', `the pull of ${image} says nothing any more`)
    } finally {
      for (const timer of ends) timer.cancel()
    }
  }

  async #use({ digest }: ImageRef, name: string, isOurs: boolean): Promise<void> {
    const pulled = await this.#known()
    if (!isOurs && !pulled.some((one) => one.name === name)) return
    const usedAt = this.#options.clock.now()
    await this.#keep([...pulled.filter((one) => one.name !== name), { name, digest, usedAt }])
  }

  async #known(): Promise<readonly Pulled[]> {
    if (this.#pulled !== undefined) return this.#pulled
    const text = await readFile(this.#options.file, 'utf8').catch(() => '[]')
    try {
      this.#pulled = JSON.parse(text) as Pulled[]
    } catch {
      this.#pulled = []
    }
    return this.#pulled
  }

  async #keep(pulled: readonly Pulled[]): Promise<void> {
    this.#pulled = pulled
    const { file } = this.#options
    await writeFile(`${file}.new`, JSON.stringify(pulled), { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
}

/** With the padding that Node.js leaves out: without it the engine passes over the header. */
function paddedBase64url(text: string): string {
  return Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

/** Of a pull's progress only its end counts: an error is its last line. */
const progressCharsKept = 8_192

function errorIn(progress: string): string | undefined {
  const line = progress.trimEnd().split('\n').at(-1) ?? ''
  try {
    const { error } = JSON.parse(line) as { error?: unknown }
    return typeof error === 'string' ? error.slice(0, 300) : undefined
  } catch {
    return undefined
  }
}

/** The engine asks the registry before it answers, so its answer may be the registry's. */
function pullFault(image: string, error: unknown): unknown {
  if (!(error instanceof Fault) || error.code !== 'engine-refused') return error
  return new Fault('pull-failed', `${image} cannot be pulled: ${error.message}`, { cause: error })
}

/** An image by its digest, as the engine knows it. */
export function nameOf({ image, digest }: ImageRef): string {
  const name = parseImageName(image)
  if (name === undefined) throw new Refusal('image-invalid', `${image} is no name of an image`)
  const { registry, repository } = name
  // The engine leaves out what everybody leaves out.
  const hub = repository.startsWith('library/') ? repository.slice('library/'.length) : repository
  return `${registry === dockerHub ? hub : `${registry}/${repository}`}@${digest}`
}
