import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  utimes,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { copyFolder } from './copy-folder.ts'
import type { Disk } from './disk.ts'
import { systemCodeOf } from './errors.ts'

/** Only its owner may look into what a role keeps. */
const fileMode = 0o600
const folderMode = 0o700
const sealedMode = 0o555
const writableMode = 0o755

/** The machine's own files. */
export const systemDisk: Disk = {
  async read(path) {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined
      throw error
    }
  },

  async replace(path, content) {
    await writeAside(path, content, true)
    const folder = await open(dirname(path))
    try {
      // Without it the new name may be gone after a crash, however safe the content is.
      await folder.sync()
    } finally {
      await folder.close()
    }
  },

  note: (path, content) => writeAside(path, content, false),

  receive: (path, content, signal) => pipeline(content, createWriteStream(path), { signal }),

  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: folderMode })
  },

  async names(path) {
    try {
      return (await readdir(path)).toSorted()
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return []
      throw error
    }
  },

  hasFolder: (path) =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ),

  seal: (path) => setFolderModes(path, sealedMode),

  async remove(path) {
    await setFolderModes(path, writableMode).catch(() => {})
    await rm(path, { recursive: true, force: true })
  },

  async move(from, to) {
    // What is sealed cannot be renamed by its owner either: its `..` would change.
    const { mode } = await stat(from)
    await chmod(from, writableMode)
    await rename(from, to)
    await chmod(to, mode & 0o777)
  },

  copy: copyFolder,

  async fingerprint(path) {
    const hash = createHash('sha256')
    await tell(path, '', (line) => hash.update(line))
    return hash.digest('hex')
  },

  async touch(path, at) {
    await utimes(path, at / 1_000, at / 1_000)
  },

  touchedAt: async (path) => (await stat(path)).mtimeMs,
}

/** Tells of everything below a folder, one line each, in order; a change by hand changes a line. */
async function tell(root: string, below: string, see: (line: string) => void): Promise<void> {
  const names = (await readdir(join(root, below))).toSorted()
  for (const name of names) {
    const path = join(below, name)
    const found = await lstat(join(root, path), { bigint: true })
    if (found.isDirectory()) {
      see(`${JSON.stringify(path)} folder\n`)
      await tell(root, path, see)
    } else
      see(`${JSON.stringify(path)} ${found.ino} ${found.size} ${found.mode} ${found.ctimeNs}\n`)
  }
}

async function writeAside(path: string, content: string, isDurable: boolean): Promise<void> {
  const aside = `${path}.new`
  const file = await open(aside, 'w', fileMode)
  try {
    await file.writeFile(content)
    if (isDurable) await file.sync()
  } finally {
    await file.close()
  }
  await rename(aside, path)
}

async function setFolderModes(path: string, mode: number): Promise<void> {
  if (!(await stat(path)).isDirectory()) return
  // Writable first and sealed last, so that the way down is open in both directions.
  if (mode === writableMode) await chmod(path, mode)
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await setFolderModes(join(path, entry.name), mode)
  }
  if (mode !== writableMode) await chmod(path, mode)
}
