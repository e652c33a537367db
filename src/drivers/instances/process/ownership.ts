import { chmod, lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Gives a folder to its instance's user; what is in it as well where it was another's before. Never
 * what a link in it leads to: a program may have written that link, and who gives is root.
 */
export async function own(folder: string, uid: number): Promise<void> {
  if ((await lstat(folder)).uid === uid) return
  // With their types: by names alone the walk would go through links to folders.
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const { parentPath, name } of entries) await lchown(join(parentPath, name), uid, uid)
  // The folder last: it says that all of it is done.
  await lchown(folder, uid, uid)
  // bubblewrap goes through it with the rights of anybody, before it becomes the instance's user.
  await chmod(folder, 0o755)
}
