/**
 * Signed checkpoints: a line each in a file per day, beside the public key that they are signed
 * with. Put the folder on another disk or machine: whoever can rewrite the chain cannot rewrite
 * what lies there.
 */
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '../../base/digest.ts'
import { Fault, messageOf, systemCodeOf } from '../../base/errors.ts'
import { isSignedBy, keyIdOf, newSigningKey, publicKeyOf, signText } from '../../base/signature.ts'
import { SecretRef } from '../../base/secret-ref.ts'
import type { Checkpoints } from '../../parts/audit/driver.ts'
import { Checkpoint, checkpointFormat } from '../../parts/audit/model.ts'
import { compiledOf } from '../../wire/compiled.ts'

export interface CheckpointFilesOptions {
  /** Where they are kept: best on another disk. */
  readonly directory: string
  /** `<data>/server/audit-key.pem`, made when it is not there. */
  readonly keyFile: string
}

/**
 * Files that are kept, one a day: every checkpoint covers all records before it, so the old ones
 * only help to find when a chain was rewritten.
 */
export const checkpointDaysMax = 400

const dayPattern = /^\d{4}-\d\d-\d\d\.jsonl$/
const keyPattern = /^[0-9a-f]{16}\.pub$/

/** Opens the folder, makes the key at the first start, and puts the public half beside. */
export async function openCheckpointFiles(options: CheckpointFilesOptions): Promise<Checkpoints> {
  const { directory, keyFile } = options
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const privateKey = new SecretRef('audit-key', await readOrMakeKey(keyFile))
    const publicKey = publicKeyOf(privateKey.reveal())
    const key = keyIdOf(publicKey)
    await writeFile(join(directory, `${key}.pub`), publicKey, { mode: 0o644 })
    const { checkpoints } = await readCheckpoints(directory)
    const newest = checkpoints.toSorted((a, b) => a.at - b.at).at(-1)
    return new CheckpointFiles(directory, privateKey, publicKey, newest)
  } catch (cause) {
    throw checkpointFailed(cause)
  }
}

class CheckpointFiles implements Checkpoints {
  readonly publicKey: string
  newest: Checkpoint | undefined
  readonly #directory: string
  readonly #privateKey: SecretRef
  readonly #key: string

  constructor(
    directory: string,
    privateKey: SecretRef,
    publicKey: string,
    newest: Checkpoint | undefined,
  ) {
    this.#directory = directory
    this.#privateKey = privateKey
    this.publicKey = publicKey
    this.#key = keyIdOf(publicKey)
    this.newest = newest
  }

  async make(content: Parameters<Checkpoints['make']>[0]): Promise<Checkpoint> {
    const statement = { format: checkpointFormat, ...content, key: this.#key }
    const signature = signText(canonicalJson(statement), this.#privateKey.reveal())
    const checkpoint: Checkpoint = { ...statement, signature }
    try {
      await this.#append(checkpoint)
    } catch (cause) {
      throw checkpointFailed(cause)
    }
    this.newest = checkpoint
    return checkpoint
  }

  async #append(checkpoint: Checkpoint): Promise<void> {
    const name = `${new Date(checkpoint.at).toISOString().slice(0, 10)}.jsonl`
    const handle = await open(join(this.#directory, name), 'a+', 0o600)
    try {
      const known = await handle.readFile('utf8')
      const whole = known.lastIndexOf('\n') + 1
      // What a crash has torn was never acknowledged.
      if (whole < known.length) await handle.truncate(Buffer.byteLength(known.slice(0, whole)))
      await handle.appendFile(`${canonicalJson(checkpoint)}\n`)
      await handle.datasync()
      if (known === '') await this.#forgetOldest()
    } finally {
      await handle.close()
    }
  }

  async #forgetOldest(): Promise<void> {
    const days = (await readdir(this.#directory)).filter((name) => dayPattern.test(name))
    for (const name of days.toSorted().slice(0, -checkpointDaysMax)) {
      await rm(join(this.#directory, name), { force: true })
    }
  }
}

/** What lies in a folder of checkpoints. */
export interface FoundCheckpoints {
  /** Signed by one of the keys that lie beside them. */
  readonly checkpoints: readonly Checkpoint[]
  /** Lines that are no checkpoint, or signed by nobody known: `2026-11-21.jsonl:4`. */
  readonly forged: readonly string[]
}

/** Reads a folder of checkpoints and checks every signature. */
export async function readCheckpoints(directory: string): Promise<FoundCheckpoints> {
  const names = (await readdir(directory)).toSorted()
  const keys = new Map<string, string>()
  for (const name of names.filter((other) => keyPattern.test(other))) {
    keys.set(name.slice(0, 16), await readFile(join(directory, name), 'utf8'))
  }
  const checkpoints: Checkpoint[] = []
  const forged: string[] = []
  for (const name of names.filter((other) => dayPattern.test(other))) {
    const lines = (await readFile(join(directory, name), 'utf8')).split('\n')
    for (const [index, line] of lines.entries()) {
      if (line === '') continue
      const checkpoint = parseCheckpoint(line)
      const publicKey = checkpoint === undefined ? undefined : keys.get(checkpoint.key)
      if (checkpoint !== undefined && publicKey !== undefined && isGenuine(checkpoint, publicKey)) {
        checkpoints.push(checkpoint)
      } else forged.push(`${name}:${index + 1}`)
    }
  }
  return { checkpoints, forged }
}

/** Whether a checkpoint carries the key's signature. */
export function isGenuine({ signature, ...statement }: Checkpoint, publicKey: string): boolean {
  return isSignedBy(canonicalJson(statement), signature, publicKey)
}

function parseCheckpoint(line: string): Checkpoint | undefined {
  try {
    const checkpoint: unknown = JSON.parse(line)
    return compiledOf(Checkpoint).Check(checkpoint) ? checkpoint : undefined
  } catch {
    return undefined
  }
}

async function readOrMakeKey(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
  }
  const key = newSigningKey()
  const handle = await open(`${file}.new`, 'w', 0o600)
  try {
    await handle.writeFile(key)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
  return key
}

function checkpointFailed(cause: unknown): Fault {
  const message = `the checkpoints of the audit chain cannot be kept: ${messageOf(cause)}`
  return new Fault('audit-failed', message, { cause })
}
