import { open, rename, rm, stat } from 'node:fs/promises'
import { Fault, messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'

export interface ReceiveOptions<T> {
  readonly signal: AbortSignal
  /** Reads what was written before it gets its name. */
  readonly check: (file: string) => Promise<T>
  readonly onProgress: (bytes: number, of: number) => void
}

/** Time between two words on progress, by count: a chunk is some 64 KiB. */
const chunksPerWord = 16

/**
 * Writes an answer's body into a new file, mode 0600: all of it, durable and checked, or nothing.
 * Refusal `file-exists`; Fault `download-incomplete` when the connection broke.
 */
export async function receiveFile<T>(
  response: Response,
  file: string,
  { signal, check, onProgress }: ReceiveOptions<T>,
): Promise<T> {
  const part = `${file}.part`
  try {
    await refuseExisting(file)
    await writeBody(response, part, signal, onProgress)
    const checked = await check(part)
    await rename(part, file)
    return checked
  } catch (error) {
    await response.body?.cancel().catch(() => {})
    await rm(part, { force: true })
    throw error
  }
}

async function refuseExisting(file: string): Promise<void> {
  const isThere = await stat(file).then(
    () => true,
    () => false,
  )
  if (!isThere) return
  throw new Refusal('file-exists', `${file} is there already`, {
    status: 409,
    hint: 'give the backup a name of its own: an old one is never written over',
  })
}

async function writeBody(
  response: Response,
  part: string,
  signal: AbortSignal,
  onProgress: (bytes: number, of: number) => void,
): Promise<void> {
  const total = Number(response.headers.get('content-length') ?? 0)
  await rm(part, { force: true })
  const target = await open(part, 'wx', 0o600).catch(unwritable)
  try {
    let bytes = 0
    let chunks = 0
    for await (const chunk of response.body ?? []) {
      signal.throwIfAborted()
      await target.writeFile(chunk).catch(unwritable)
      bytes += chunk.length
      if (chunks++ % chunksPerWord === 0) onProgress(bytes, total)
    }
    onProgress(bytes, total)
    await target.sync().catch(unwritable)
    if (bytes !== total) throw new Error(`${bytes} of ${total} bytes came`)
  } catch (error) {
    if (error instanceof Refusal || error instanceof Fault || signal.aborted) throw error
    throw new Fault('download-incomplete', `the download broke off: ${messageOf(error)}`, {
      cause: error,
    })
  } finally {
    await target.close()
  }
}

function unwritable(error: unknown): never {
  const isFull = systemCodeOf(error) === 'ENOSPC' || systemCodeOf(error) === 'EDQUOT'
  throw new Refusal('file-unwritable', `the file cannot be written: ${messageOf(error)}`, {
    hint: isFull ? 'make room on its disk, or write it elsewhere' : 'name another file',
  })
}
