import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Sources } from '../../parts/apps/manifest/release-content.ts'
import type { Archiver } from '../../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../../parts/artifacts/model.ts'
import type { ApiClient } from '../api/client.ts'
import { bytesText, pluralText } from '../terminal/format.ts'

/** What a deploy sends along: an archive of each source directory, and of the files for tests. */
export interface Parcels {
  /** By directory, as the manifest spells it. */
  readonly artifacts: Readonly<Record<string, ArtifactRef>>
  readonly files: ArtifactRef | null
  /** What was packed, and how much of it the server lacked. */
  readonly summary: string
}

/**
 * Packs what `sources` names under `directory` and uploads what the server does not hold yet;
 * nothing is left in the temporary folder.
 */
export async function sendParcels(
  sources: Sources,
  directory: string,
  archiver: Archiver,
  client: ApiClient,
): Promise<Parcels> {
  const workplace = await mkdtemp(join(tmpdir(), 'roadstead-deploy-'))
  const packed: { readonly sizeBytes: number; readonly isNew: boolean }[] = []
  const send = async (what: string, only?: readonly string[]): Promise<ArtifactRef> => {
    const archive = join(workplace, `${packed.length}.tar`)
    const folder = only === undefined ? resolve(directory, what) : directory
    const artifact = await archiver.pack(folder, archive, only)
    const isNew = !(await client.hasArtifact(artifact.digest))
    if (isNew) await client.putArtifact(artifact, archive)
    packed.push({ sizeBytes: artifact.sizeBytes, isNew })
    return artifact
  }
  try {
    const artifacts: Record<string, ArtifactRef> = {}
    for (const source of sources.directories) artifacts[source] = await send(source)
    const hasFiles = sources.files.length > 0
    const files = hasFiles ? await send(sources.files.join(', '), sources.files) : null
    return { artifacts, files, summary: summaryOf(packed) }
  } finally {
    await rm(workplace, { recursive: true, force: true })
  }
}

function summaryOf(packed: readonly { sizeBytes: number; isNew: boolean }[]): string {
  const size = bytesText(packed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  const sent = packed.filter(({ isNew }) => isNew).length
  return `packed ${pluralText(packed.length, 'archive')}, ${size}; ${sent} of them new to the server`
}
