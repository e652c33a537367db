import type { Variables } from './interpolate.ts'

/** What the import reads, and with which choices; who reads files for it is the caller's matter. */

/** A file below the project's folder, or why there is none to be had. */
export type FoundFile =
  | { readonly text: string }
  | { readonly problem: 'outside' | 'missing' | 'unreadable' | 'too-large' }

/** What lies at a path. */
export type LookedAt =
  | { readonly is: 'file' }
  | { readonly is: 'folder'; readonly isEmpty: boolean }
  | { readonly is: 'nothing' }
  /** A link leads out of the project's folder. */
  | { readonly is: 'outside' }
  /** A pipe or a socket, or nobody may look. */
  | { readonly is: 'unreadable' }

/** Files of a project. Paths are relative to its folder, with `/`. */
export interface ProjectFiles {
  /** Never leaves the project's folder, whatever links lead where. */
  read(path: string): Promise<FoundFile>
  /** As `read`, without reading it; a folder counts as well. */
  look(path: string): Promise<LookedAt>
}

/** A compose file with its choices. */
export interface ComposeSource {
  /** The compose file, relative to the project's folder. */
  readonly file: string
  readonly text: string
  /** Compose files that are laid over it, in order; they lie in the same folder. */
  readonly overlays?: readonly { readonly file: string; readonly text: string }[]
  readonly files: ProjectFiles
  /** The name of the project's folder: it names an app that has no other name. */
  readonly folder: string
  /** The environment, over all files. */
  readonly environment: Variables
  /** Files of variables instead of `.env`, wherever they lie: somebody named them on purpose. */
  readonly envFiles?: readonly { readonly file: string; readonly found: FoundFile }[]
  readonly profiles?: readonly string[]
  /** Names the app, whatever the file says. */
  readonly app?: string | undefined
  /** Where images that are built are pushed to, such as `registry.example/team`. */
  readonly registry?: string | undefined
}

/** A path of compose seen from a folder; undefined: it is absolute or begins with `~`. */
export function joined(folder: string, path: string): string | undefined {
  if (path.startsWith('/') || path.startsWith('~') || path.includes('\\')) return undefined
  const parts: string[] = []
  for (const part of [...folder.split('/'), ...path.split('/')]) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return parts.length === 0 ? '.' : parts.join('/')
}

/** Whether a path that `joined` made leads out of the project's folder. */
export function leavesProject(path: string): boolean {
  return path === '..' || path.startsWith('../')
}

/** The folder of a file: `a` for `a/b.yml`. */
export function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '.'
}
