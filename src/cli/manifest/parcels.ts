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
  /** Uploads what the server does not hold yet; resolves with a sentence on how much that was. */
  send(client: ApiClient): Promise<string>
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
  const workplace = await mkdtemp(join(tmpdir(), 'roadstead-deploy-'))
  const remove = (): Promise<void> => rm(workplace, { recursive: true, force: true })
  const packed: Packed[] = []
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
    return { artifacts, mounts, files, remove, send: (client) => sendAll(packed, client) }
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
