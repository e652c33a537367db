import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Sources } from '../../parts/apps/manifest/release-content.ts'
import type { Archiver } from '../../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../../parts/artifacts/model.ts'
import type { ApiClient } from '../api/client.ts'
import { bytesText } from '../terminal/format.ts'

/** What a deploy sends along: an archive of each source directory, and of the files for tests. */
export interface Parcels {
  /** By directory, as the manifest spells it. */
  readonly artifacts: Readonly<Record<string, ArtifactRef>>
  readonly files: ArtifactRef | null
}

/**
 * Packs what `sources` names under `directory` and uploads what the server does not hold yet.
 * `say` hears of each archive; nothing is left in the temporary folder.
 */
export async function sendParcels(
  sources: Sources,
  directory: string,
  archiver: Archiver,
  client: ApiClient,
  say: (line: string) => void,
): Promise<Parcels> {
  const workplace = await mkdtemp(join(tmpdir(), 'roadstead-deploy-'))
  let archives = 0
  const send = async (what: string, only?: readonly string[]): Promise<ArtifactRef> => {
    const archive = join(workplace, `${archives++}.tar`)
    const folder = only === undefined ? resolve(directory, what) : directory
    const artifact = await archiver.pack(folder, archive, only)
    const isThere = await client.hasArtifact(artifact.digest)
    if (!isThere) await client.putArtifact(artifact, archive)
    const size = bytesText(artifact.sizeBytes)
    say(`packed ${what}: ${size}${isThere ? ', which the server has already' : ', sent'}`)
    return artifact
  }
  try {
    const artifacts: Record<string, ArtifactRef> = {}
    for (const source of sources.directories) artifacts[source] = await send(source)
    const hasFiles = sources.files.length > 0
    const files = hasFiles ? await send(sources.files.join(', '), sources.files) : null
    return { artifacts, files }
  } finally {
    await rm(workplace, { recursive: true, force: true })
  }
}
