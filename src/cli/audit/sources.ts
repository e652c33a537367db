import { systemClock } from '../../base/clock.ts'
import { canonicalJson } from '../../base/digest.ts'
import { Refusal, systemCodeOf } from '../../base/errors.ts'
import { isSignedBy } from '../../base/signature.ts'
import type { Checkpoint } from '../../parts/audit/model.ts'
import type { ChainLine } from '../../parts/audit/plan-verify.ts'
import type { FoundCheckpoints } from '../../drivers/audit/checkpoint-files.ts'
import type { ApiClient } from '../api/client.ts'

/** Where a chain and its checkpoints are read from: files, or a server. */

/** A chain in files; see `readChain`. */
export async function* chainInFiles(place: string): AsyncGenerator<ChainLine> {
  const { readChain } = await import('../../drivers/audit/segment-reader.ts')
  yield* readChain(place, systemClock)
}

/** A chain as the server gives it out, byte for byte. */
export async function* chainOfServer(client: ApiClient): AsyncGenerator<ChainLine> {
  for (let cursor: string | undefined; ;) {
    const { items, next } = await client.auditChain(cursor)
    for (const item of items) yield { ...item, isWhole: true }
    if (next === undefined) return
    cursor = next
  }
}

/** The checkpoints in a folder; none where there is no such folder, unless it was asked for. */
export async function checkpointsIn(
  directory: string,
  { isAskedFor }: { readonly isAskedFor: boolean },
): Promise<FoundCheckpoints> {
  const { readCheckpoints } = await import('../../drivers/audit/checkpoint-files.ts')
  try {
    return await readCheckpoints(directory)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
    if (!isAskedFor) return { checkpoints: [], forged: [] }
    throw new Refusal('audit-missing', `there is no folder of checkpoints ${directory}`, {
      hint: 'name the folder that the server was started with: --audit-checkpoints',
    })
  }
}

/** The newest checkpoint that the server itself shows. */
export async function checkpointOfServer(client: ApiClient): Promise<FoundCheckpoints> {
  const { checkpoint, publicKey } = await client.auditCheckpoint()
  if (checkpoint === null) return { checkpoints: [], forged: [] }
  return isGenuine(checkpoint, publicKey)
    ? { checkpoints: [checkpoint], forged: [] }
    : { checkpoints: [], forged: ['the one that the server shows'] }
}

function isGenuine({ signature, ...statement }: Checkpoint, publicKey: string): boolean {
  return isSignedBy(canonicalJson(statement), signature, publicKey)
}
