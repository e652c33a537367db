import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { digestPattern } from '../../base/digest.ts'
import { Refusal } from '../../base/errors.ts'
import { create, replace, type State } from '../../store/port.ts'
import { route, type RouteDefinition, type RouteReply } from '../../wire/route.ts'
import { archiveLimits, type BlobStore } from './driver.ts'
import { Artifact, artifactKey, type ArtifactRef } from './model.ts'
import { artifactKind } from './records.ts'
import type { ArtifactUsage } from './usage.ts'

export interface ArtifactRoutesOptions {
  readonly state: State
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly usage: ArtifactUsage
}

const path = '/v1/artifacts/:digest'
const tag = 'artifacts'
const params = Type.Object({ digest: Type.String({ pattern: digestPattern }) })
const readers = { roles: ['operator', 'developer', 'agent'] } as const

/** Archives by their digest: uploaded by who deploys, pulled by agents. */
export function artifactRoutes(options: ArtifactRoutesOptions): RouteDefinition[] {
  const { state, blobs } = options
  const sizeOf = async (digest: string): Promise<number> => {
    const entry = state.snapshot.get(artifactKind, artifactKey(digest))
    if (entry === undefined || !(await blobs.has(digest))) throw unknownArtifact(digest)
    return entry.value.sizeBytes
  }
  return [
    route({
      method: 'PUT',
      path,
      rule: { roles: ['operator', 'developer'] },
      summary: 'Stores an archive under its sha256; what does not match it is refused.',
      tag,
      params,
      bodyKind: 'stream',
      bodyBytesMax: archiveLimits.packedBytesMax,
      answers: { 200: Artifact, 201: Artifact },
      async handle({ params: { digest }, stream, headers, signal, caller }) {
        if (stream === undefined) throw new Refusal('body-missing', 'this route needs a body')
        checkAnnounced(headers['content-length'])
        const ref = await blobs.put(digest, stream, signal)
        return usingRecord(ref, caller?.name ?? 'nobody', options)
      },
    }),
    route({
      method: 'HEAD',
      path,
      rule: readers,
      summary: 'Whether the server has an archive, and how large it is.',
      tag,
      params,
      answers: { 200: Type.Null() },
      async handle({ params: { digest } }) {
        return { headers: headersOf(digest, await sizeOf(digest)) }
      },
    }),
    route({
      method: 'GET',
      path,
      rule: readers,
      summary: 'An archive.',
      tag,
      params,
      answers: { 200: Type.String({ format: 'binary' }) },
      async handle({ params: { digest } }) {
        await sizeOf(digest)
        const blob = await blobs.get(digest)
        if (blob === undefined) throw unknownArtifact(digest)
        return { headers: headersOf(digest, blob.sizeBytes), body: blob.content }
      },
    }),
  ]
}

/** Refuses before the first byte what says itself that it is too large. */
function checkAnnounced(contentLength: string | undefined): void {
  const { packedBytesMax } = archiveLimits
  if (contentLength === undefined || Number(contentLength) <= packedBytesMax) return
  throw new Refusal('artifact-too-large', `an artifact has ${packedBytesMax} bytes at the most`, {
    status: 413,
    hint: 'leave out by .gitignore what the app does not need when it runs',
    details: { bytesMax: packedBytesMax },
  })
}

/** Records an archive whose bytes are stored; one that is recorded counts as new again. */
async function usingRecord(
  ref: ArtifactRef,
  who: string,
  { state, blobs, clock, usage }: ArtifactRoutesOptions,
): Promise<RouteReply> {
  return usage.exclusively(ref.digest, async () => {
    // A collector may have removed them since: it decided while there was no newer record.
    if (!(await blobs.has(ref.digest))) throw overtaken(ref.digest)
    const artifact = { ...ref, createdAt: clock.now() }
    const known = state.snapshot.get(artifactKind, artifactKey(ref.digest))
    const write =
      known === undefined ? create(artifactKind, artifact) : replace(artifactKind, known, artifact)
    const why = `${ref.digest}, ${ref.sizeBytes} bytes`
    await state.commit({ writes: [write], attribution: { who, what: 'artifact.upload', why } })
    return { status: known === undefined ? 201 : 200, body: artifact }
  })
}

function headersOf(digest: string, sizeBytes: number): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-length': String(sizeBytes),
    etag: `"${digest}"`,
    // What a digest names never changes.
    'cache-control': 'private, max-age=31536000, immutable',
  }
}

function unknownArtifact(digest: string): Refusal {
  return new Refusal('artifact-unknown', `the server has no artifact ${digest}`, {
    status: 404,
    hint: 'upload it with PUT to the same path',
  })
}

function overtaken(digest: string): Refusal {
  return new Refusal('upload-overtaken', `${digest} was collected while it was uploaded again`, {
    status: 409,
    hint: 'upload it again',
  })
}
