import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { beforeEach, describe, expect, test } from 'vitest'
import { aJobRun } from '../../../test/fixtures/records.ts'
import { aState, write } from '../../../test/fixtures/state.ts'
import { digestOf } from '../../base/digest.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { create, remove, replace, type Kind } from '../../store/port.ts'
import type { OpenState } from '../../store/state.ts'
import type { RouteReply, RouteRequest } from '../../wire/route.ts'
import type { Release } from '../apps/model.ts'
import { destroyedAppKind, releaseKind } from '../apps/records.ts'
import { jobRunKind } from '../jobs/records.ts'
import { artifactsController, sweepBlobs } from './controller.ts'
import { archiveLimits, type BlobStore } from './driver.ts'
import { artifactKey, unusedKeptMs } from './model.ts'
import { artifactKind, holdArtifact } from './records.ts'
import { artifactRoutes } from './routes.ts'
import { ArtifactUsage } from './usage.ts'

const digest = digestOf('content')
const { signal } = new AbortController()

/** A blob store in a map, which believes what it is told. */
class TestBlobs implements BlobStore {
  readonly kept = new Map<string, string>()

  async put(name: string, content: Readable) {
    this.kept.set(name, await text(content))
    return { digest: name, sizeBytes: this.kept.get(name)!.length }
  }
  async get(name: string) {
    const content = this.kept.get(name)
    if (content === undefined) return undefined
    return { content: Readable.from([content]), sizeBytes: content.length }
  }
  async has(name: string) {
    return this.kept.has(name)
  }
  async list() {
    return [...this.kept].map(([name, { length }]) => ({ digest: name, sizeBytes: length }))
  }
  async remove(name: string) {
    this.kept.delete(name)
  }
}

let clock: VirtualClock
let state: OpenState
let blobs: TestBlobs
let usage: ArtifactUsage

beforeEach(async () => {
  clock = new VirtualClock()
  const kinds = [artifactKind, destroyedAppKind, releaseKind, jobRunKind]
  state = (await aState(kinds as unknown as readonly Kind<never>[], clock)).state
  blobs = new TestBlobs()
  usage = new ArtifactUsage(state)
})

function call(method: string, members: Partial<RouteRequest> = {}): Promise<RouteReply> {
  const routes = artifactRoutes({ state, blobs, clock, usage })
  const found = routes.find((each) => each.method === method)!
  const caller = { name: 'ada', role: 'operator' } as const
  const request = { params: { digest }, headers: {}, caller, signal, ...members }
  return found.handle(request as RouteRequest)
}

function upload(): Promise<RouteReply> {
  return call('PUT', { stream: Readable.from(['content']) })
}

function recordOf(name: string) {
  return state.snapshot.get(artifactKind, artifactKey(name))
}

function aRelease(members: Partial<Release>): Release {
  return {
    id: 'rel-1',
    at: { environment: 'local', tenant: 'default', app: 'shop' },
    number: 1,
    version: 'v1',
    services: [],
    steps: [],
    revertAboveFailed: null,
    files: null,
    manifest: '',
    createdBy: 'ada',
    createdAt: 0,
    ...members,
  }
}

describe('artifact routes', () => {
  test('an upload is stored, recorded and told to whoever asks', async () => {
    expect(await upload()).toMatchObject({ status: 201, body: { digest, sizeBytes: 7 } })
    const [entry] = await state.log({ before: 99, limit: 1 })
    expect(entry).toMatchObject({ who: 'ada', what: 'artifact.upload' })
    expect(await call('HEAD')).toEqual({
      headers: expect.objectContaining({ 'content-length': '7' }),
    })
    const { body } = await call('GET')
    expect(await text(body as Readable)).toBe('content')
  })

  test('a second upload of the same succeeds, and makes it count as new', async () => {
    await upload()
    await clock.advance(1_000)
    expect(await upload()).toMatchObject({ status: 200 })
    expect(recordOf(digest)?.value.createdAt).toBe(clock.now())
  })

  test('what is not there, or only half there, is not found', async () => {
    for (const method of ['GET', 'HEAD']) {
      await expect(call(method)).rejects.toMatchObject({ code: 'artifact-unknown', status: 404 })
    }
    await blobs.put(digest, Readable.from(['content']))
    await expect(call('HEAD')).rejects.toMatchObject({ code: 'artifact-unknown' })
  })

  test('an upload that says that it is too large is refused before its first byte', async () => {
    const headers = { 'content-length': String(archiveLimits.packedBytesMax + 1) }
    const stream = Readable.from(['content'])
    await expect(call('PUT', { stream, headers })).rejects.toMatchObject({ status: 413 })
    expect(blobs.kept.size).toBe(0)
    expect(stream.readableDidRead).toBe(false)
  })

  test('agents may read and not write, viewers may do neither', () => {
    const rules = artifactRoutes({ state, blobs, clock, usage }).map(({ rule }) => rule)
    expect(rules).toEqual([
      { roles: ['operator', 'developer'] },
      { roles: ['operator', 'developer', 'agent'] },
      { roles: ['operator', 'developer', 'agent'] },
    ])
  })
})

/** One pass of the loop over all keys; when the last of them wants to be woken. */
async function pass(): Promise<number | undefined> {
  const controller = artifactsController({ state, blobs, usage })
  let wakeAt: number | undefined
  for (const key of controller.allKeys(state.snapshot)) {
    const view = controller.observe(key, state.snapshot)!
    const plan = controller.plan(view, clock.now())
    wakeAt = plan.wakeAt
    for (const action of plan.actions) await controller.apply(action, signal)
  }
  return wakeAt
}

describe('the artifacts controller', () => {
  test('what no release refers to is kept for a while, then removed with its bytes', async () => {
    await upload()
    expect(await pass()).toBe(clock.now() + unusedKeptMs)
    expect(blobs.kept.size).toBe(1)
    await clock.advance(unusedKeptMs)
    await pass()
    expect(recordOf(digest)).toBeUndefined()
    expect(blobs.kept.size).toBe(0)
  })

  test('what a release refers to stays until the last such release has gone', async () => {
    await upload()
    const release = aRelease({ files: { digest, sizeBytes: 7 } })
    await write(state, create(releaseKind, release))
    await clock.advance(unusedKeptMs)
    await pass()
    expect(recordOf(digest)).toBeDefined()

    const controller = artifactsController({ state, blobs, usage })
    const woken: string[] = []
    state.subscribe((change) => woken.push(...controller.keysOf(change, state.snapshot)))
    await write(state, remove(state.snapshot.get(releaseKind, releaseKind.keyOf(release))!))
    expect(woken).toEqual([digest])
    await pass()
    expect(recordOf(digest)).toBeUndefined()
  })

  test('the context of a build stays until its run is over', async () => {
    await upload()
    const run = aJobRun({ spec: { ...aJobRun().spec, artifact: { digest, sizeBytes: 7 } } })
    await write(state, create(jobRunKind, run))
    await clock.advance(unusedKeptMs)
    await pass()
    expect(recordOf(digest)).toBeDefined()
    const entry = state.snapshot.get(jobRunKind, jobRunKind.keyOf(run))!
    await write(state, replace(jobRunKind, entry, { ...run, state: 'cancelled' }))
    await pass()
    expect(recordOf(digest)).toBeUndefined()
  })

  test('a deploy that takes hold of it in the last moment keeps it', async () => {
    await upload()
    await clock.advance(unusedKeptMs)
    const controller = artifactsController({ state, blobs, usage })
    const view = controller.observe(digest, state.snapshot)!
    const [action] = controller.plan(view, clock.now()).actions
    const release = aRelease({ files: { digest, sizeBytes: 7 } })
    await write(state, create(releaseKind, release), holdArtifact(recordOf(digest)!))
    await expect(controller.apply(action!, signal)).rejects.toMatchObject({ code: 'conflict' })
    expect(blobs.kept.has(digest)).toBe(true)
  })

  test('an upload that crosses a removal ends with both record and bytes, or is refused', async () => {
    await upload()
    await clock.advance(unusedKeptMs)
    const [removed, uploaded] = await Promise.allSettled([pass(), upload()])
    expect([removed.status, uploaded.status]).toContain('fulfilled')
    expect(recordOf(digest) !== undefined).toBe(blobs.kept.has(digest))
  })

  test('bytes without a record are swept at the start', async () => {
    await upload()
    await blobs.put(digestOf('lost'), Readable.from(['lost']))
    expect(await sweepBlobs(state.snapshot, blobs)).toBe(1)
    expect([...blobs.kept.keys()]).toEqual([digest])
  })
})
