import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { create as createTar } from 'tar'
import { Fault } from '../../base/errors.ts'
import { dockerHub, parseImageName } from '../../base/image-name.ts'
import type { CredentialsOf } from '../../base/registry-credentials.ts'
import type { BuildOrder } from '../../parts/jobs/model.ts'
import type { Engine } from '../instances/docker/engine.ts'
import type { BuiltImages } from './built-images.ts'
import { ProgressReader, type Progress } from './progress.ts'

/** Builds an image with a Docker Engine, and pushes it to its registry. */

export interface BuilderOptions {
  readonly engine: Engine
  readonly credentials: CredentialsOf
  readonly built: BuiltImages
  /** The context, unpacked. */
  readonly directory: string
  /** Shares of the cores, and memory of each step in bytes. */
  readonly limits: { readonly cpu: number; readonly memoryBytes: number }
  readonly print: (text: string) => void
}

/** The engine answers once it has the whole context; the build's own time-out is the run's, in ms. */
const answerMsMax = 6 * 3_600_000

/** Under this name the engine looks for credentials of Docker Hub. */
const hubKey = 'https://index.docker.io/v1/'

/** A Dockerfile is read for the registries that it names, and not beyond this many characters. */
const dockerfileCharsMax = 1_048_576

/** One unit of `cpu` as the kernel counts shares. */
const sharesPerCore = 1_024

/**
 * Builds and pushes. Faults: `build-failed` where a step fails, `push-failed` where the registry does
 * not take it, `engine-silent` and `engine-gone`; all else is printed.
 */
export async function buildImage(order: BuildOrder, options: BuilderOptions): Promise<void> {
  const { engine, built, print } = options
  // An engine that is stopped would take the context and never answer.
  await engine.demand({ method: 'GET', path: '/_ping' })
  print(`building ${order.image}\n`)
  await build(order, options)
  await built.note(order.image)
  print(`pushing ${order.image}\n`)
  const digest = await push(order, options)
  print(`pushed ${order.image}${digest === undefined ? '' : `@${digest}`}\n`)
  await built.collect()
}

async function build(order: BuildOrder, options: BuilderOptions): Promise<void> {
  const { engine, directory, limits, built, print } = options
  const { image, dockerfile, target, args } = order
  const memory = String(limits.memoryBytes)
  const query = {
    t: image,
    dockerfile,
    ...(target === null ? {} : { target }),
    buildargs: JSON.stringify(args),
    rm: '1',
    forcerm: '1',
    memory,
    // As much as without swap.
    memswap: memory,
    cpushares: String(Math.max(2, Math.round(limits.cpu * sharesPerCore))),
  }
  const credentials = await credentialsFor(await registriesOf(order, directory), options)
  const headers = { 'x-registry-config': encoded(credentials) }
  const content = Readable.from(createTar({ cwd: directory, portable: true }, ['.']))
  const call = { method: 'POST', path: '/build', query, headers, content } as const
  const answer = await engine.stream({ ...call, timeoutMs: answerMsMax }).catch(refusedBuild)
  let layer: string | undefined
  const error = await follow(answer, ({ text }) => {
    layer = /^ ---> ([0-9a-f]{12})\n?$/.exec(text)?.[1] ?? layer
    print(text)
  })
  if (error === undefined) return
  if (layer !== undefined) await built.note(layer)
  await built.collect()
  throw new Fault('build-failed', `${error}${memoryHint(error, limits.memoryBytes)}`)
}

/** The kernel ends what goes beyond its memory by SIGKILL, and the engine tells only that. */
function memoryHint(error: string, memoryBytes: number): string {
  const mebibytes = Math.floor(memoryBytes / 2 ** 20)
  return error.endsWith('code: 137') ? ` (killed, as at its memory of ${mebibytes} MiB)` : ''
}

async function push({ image }: BuildOrder, options: BuilderOptions): Promise<string | undefined> {
  const { engine, print } = options
  const name = parseImageName(image)
  if (name === undefined) throw new Fault('push-failed', `${image} is no name of an image`)
  const tag = name.tag ?? ''
  const auth = (await credentialsFor([name.registry], options))[keyOf(name.registry)] ?? {}
  const path = `/images/${image.slice(0, -(tag.length + 1))}/push`
  const headers = { 'x-registry-auth': encoded(auth) }
  const call = { method: 'POST', path, query: { tag }, headers, timeoutMs: answerMsMax } as const
  const answer = await engine.stream(call).catch((error: unknown) => {
    throw isRefused(error) ? new Fault('push-failed', error.message, { cause: error }) : error
  })
  let digest: string | undefined
  const error = await follow(answer, (progress) => {
    digest = progress.digest ?? digest
    print(progress.text)
  })
  if (error !== undefined) throw new Fault('push-failed', error)
  return digest
}

/** Tells each line; resolves with the engine's word on why it gave up. */
async function follow(
  answer: IncomingMessage,
  tell: (progress: Progress) => void,
): Promise<string | undefined> {
  const reader = new ProgressReader()
  let error: string | undefined
  try {
    for await (const chunk of answer) {
      for (const progress of reader.read(chunk as Buffer)) {
        error = progress.error ?? error
        tell(progress)
      }
    }
  } catch (cause) {
    throw new Fault('engine-gone', 'the Docker Engine went away in the middle of it', { cause })
  }
  return error
}

/** The engine refuses a Dockerfile that it cannot read before it answers with progress. */
function refusedBuild(error: unknown): never {
  throw isRefused(error) ? new Fault('build-failed', error.message, { cause: error }) : error
}

function isRefused(error: unknown): error is Fault {
  return error instanceof Fault && error.code === 'engine-refused'
}

/** Those that its stages come from; nothing else is told the engine of what the node knows. */
async function registriesOf(order: BuildOrder, directory: string): Promise<string[]> {
  const file = await readFile(join(directory, order.dockerfile), 'utf8').catch(() => '')
  const names = file
    .slice(0, dockerfileCharsMax)
    .matchAll(/^[ \t]*FROM[ \t]+(?:--platform=\S+[ \t]+)?(\S+)/gim)
  const found = [...names].map(([, image = '']) => parseImageName(image)?.registry)
  return [...new Set(found.filter((registry) => registry !== undefined))]
}

type EngineAuth = Record<string, string>

async function credentialsFor(
  registries: readonly string[],
  { credentials }: BuilderOptions,
): Promise<Record<string, EngineAuth>> {
  const known: Record<string, EngineAuth> = {}
  for (const registry of registries) {
    const found = await credentials(registry)
    if (found === undefined) continue
    const { user: username, password } = found
    const serveraddress = keyOf(registry)
    known[serveraddress] = { username, password: password.reveal(), serveraddress }
  }
  return known
}

function keyOf(registry: string): string {
  return registry === dockerHub ? hubKey : registry
}

/** With the padding that Node.js leaves out: without it the engine passes over the header. */
function encoded(value: unknown): string {
  const text = Buffer.from(JSON.stringify(value)).toString('base64')
  return text.replaceAll('+', '-').replaceAll('/', '_')
}
