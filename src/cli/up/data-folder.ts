import { closeSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'
import { readUpFile, type UpFile } from '../api/settings.ts'
import { identify, isRunning, type ProcessIdentity } from './processes.ts'

/** The data folder of one `up`: one at a time, and what the next start wants to know. */

/** A data folder that is ours until `release`. */
export interface DataFolder {
  readonly path: string
  /** What the last `up` here noted: its ports, and perhaps leftovers of its roles. */
  readonly previous: UpFile | undefined
  note(file: UpFile): void
  release(): void
}

/** Makes the folder if need be and takes it; refused while another `up` has it. */
export function takeDataFolder(path: string): DataFolder {
  try {
    mkdirSync(join(path, 'logs'), { recursive: true, mode: 0o700 })
    // Whatever repository it lies in must not take tokens and state along.
    writeFileSync(join(path, '.gitignore'), '*\n')
  } catch (error) {
    throw unusable(path, error)
  }
  const lock = join(path, 'up.lock')
  takeLock(lock, path)
  return {
    path,
    previous: readUpFile(path),
    note: (file) => writeWhole(join(path, 'up.json'), JSON.stringify(file, null, 2)),
    release: () => rmSync(lock, { force: true }),
  }
}

/** A lock whose owner is gone is nobody's; two that find it so are told apart by `wx`. */
function takeLock(lock: string, path: string): void {
  for (let attempt = 1; attempt <= 3; attempt++) {
    try {
      const file = openSync(lock, 'wx', 0o600)
      writeFileSync(file, JSON.stringify(identify(process.pid)))
      return closeSync(file)
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw unusable(path, error)
    }
    const owner = readOwner(lock)
    if (owner !== undefined && isRunning(owner)) {
      throw new Refusal('already-up', `roadstead runs on ${path} already (pid ${owner.pid})`, {
        status: 409,
        hint: `end it with: kill ${owner.pid}; or start another with --data FOLDER`,
      })
    }
    rmSync(lock, { force: true })
  }
  throw new Refusal('already-up', `another roadstead is just starting on ${path}`, {
    status: 409,
    hint: 'wait a moment and try again',
  })
}

function unusable(path: string, error: unknown): Refusal {
  return new Refusal('data-folder-unusable', `${path} cannot be used: ${messageOf(error)}`, {
    hint:
      systemCodeOf(error) === 'ENOSPC'
        ? 'free space on its disk, or name another folder with --data'
        : 'name another folder with --data',
  })
}

function readOwner(lock: string): ProcessIdentity | undefined {
  try {
    const content = JSON.parse(readFileSync(lock, 'utf8')) as Partial<ProcessIdentity>
    const { pid, startTicks } = content
    return typeof pid === 'number' && typeof startTicks === 'string'
      ? { pid, startTicks }
      : undefined
  } catch {
    return undefined
  }
}

/** A reader sees the old content or the new, never half of it. */
function writeWhole(path: string, content: string): void {
  writeFileSync(`${path}.next`, `${content}\n`, { mode: 0o600 })
  renameSync(`${path}.next`, path)
}
