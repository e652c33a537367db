import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { packPlaced } from '../../drivers/artifacts/placed-tree.ts'
import type { Sources } from '../../parts/apps/manifest/release-content.ts'
import type { Archiver } from '../../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../../parts/artifacts/model.ts'
import type { ApiClient } from '../api/client.ts'
import { bytesText, pluralText } from '../terminal/format.ts'

/** What a deploy sends along, packed: an archive of each source directory, and of tests' files. */
export interface Parcels {
  /** By directory, as the manifest spells it. */
  readonly artifacts: Readonly<Record<string, ArtifactRef>>
  /** By service: what it mounts. */
  readonly mounts: Readonly<Record<string, ArtifactRef>>
  readonly files: ArtifactRef | null
  /** What images are built from, by folder; sent one by one, and only where a build needs it. */
  readonly contexts: Readonly<Record<string, ArtifactRef>>
  /** Uploads what the server does not hold yet; resolves with a sentence on how much that was. */
  send(client: ApiClient): Promise<string>
  /** Uploads one context. */
  sendContext(client: ApiClient, context: ArtifactRef): Promise<void>
  /** Takes the archives away. */
  remove(): Promise<void>
}

interface Packed {
  readonly artifact: ArtifactRef
  readonly archive: string
}

/** Packs what `sources` names under `directory` into a temporary folder. */
export async function packParcels(
  sources: Sources,
  directory: string,
  archiver: Archiver,
): Promise<Parcels> {
  const { packContext } = await import('../../drivers/artifacts/build-context.ts')
  const workplace = await mkdtemp(join(tmpdir(), 'roadstead-deploy-'))
  const remove = (): Promise<void> => rm(workplace, { recursive: true, force: true })
  const packed: Packed[] = []
  const contextArchives = new Map<string, string>()
  const into = async (make: (archive: string) => Promise<ArtifactRef>): Promise<ArtifactRef> => {
    const archive = join(workplace, `${packed.length}.tar`)
    const artifact = await make(archive)
    packed.push({ artifact, archive })
    return artifact
  }
  const pack = (folder: string, only?: readonly string[]): Promise<ArtifactRef> =>
    into((archive) => archiver.pack(folder, archive, only))
  try {
    const artifacts: Record<string, ArtifactRef> = {}
    for (const source of sources.directories) {
      artifacts[source] = await pack(resolve(directory, source))
    }
    const mounts: Record<string, ArtifactRef> = {}
    for (const [service, placed] of Object.entries(sources.mounts)) {
      mounts[service] = await into((archive) => packPlaced(directory, archive, placed))
    }
    const files = sources.files.length > 0 ? await pack(directory, sources.files) : null
    const contexts: Record<string, ArtifactRef> = {}
    for (const { directory: folder, dockerfiles } of sources.contexts) {
      const archive = join(workplace, `context-${contextArchives.size}.tar`)
      const artifact = await packContext(resolve(directory, folder), dockerfiles, archive)
      contexts[folder] = artifact
      contextArchives.set(artifact.digest, archive)
    }
    return {
      artifacts,
      mounts,
      files,
      contexts,
      remove,
      send: (client) => sendAll(packed, client),
      async sendContext(client, context) {
        await client.putArtifact(context, contextArchives.get(context.digest) ?? '')
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

async function sendAll(packed: readonly Packed[], client: ApiClient): Promise<string> {
  let sent = 0
  for (const { artifact, archive } of packed) {
    if (await client.hasArtifact(artifact.digest)) continue
    await client.putArtifact(artifact, archive)
    sent++
  }
  const size = bytesText(packed.reduce((sum, { artifact }) => sum + artifact.sizeBytes, 0))
  return `packed ${pluralText(packed.length, 'archive')}, ${size}; ${sent} of them new to the server`
}
