import { join } from 'node:path'

/** What a group can be held to. */
export type Controller = 'cpu' | 'memory' | 'pids'

const wanted: readonly Controller[] = ['memory', 'cpu', 'pids']

/** One tree of control groups. */
export interface Hierarchy {
  readonly version: 1 | 2
  /** Those of ours that it has; version 2 without any still knows which processes are together. */
  readonly controllers: readonly Controller[]
  /** The folder of the group that this process is in. */
  readonly place: string
  /** Where the hierarchy is mounted. */
  readonly top: string
}

/**
 * The hierarchies of this process from /proc/self/mountinfo and /proc/self/cgroup: those of version 1
 * that have a controller of ours, and that of version 2. A machine may have both; then version 2 has
 * what no other has.
 */
export function hierarchiesOf(mountinfo: string, own: string): Hierarchy[] {
  const mounts = mountinfo.split('\n').flatMap((line) => mountOf(line) ?? [])
  const groups = own.split('\n').flatMap((line) => groupOf(line) ?? [])
  const first: Hierarchy[] = []
  for (const { type, options, ...mount } of mounts) {
    const controllers = wanted.filter((name) => options.includes(name))
    const group = groups.find(({ names }) => names.includes(controllers[0] ?? ''))
    const isNew = controllers.some((name) => !first.some((one) => one.controllers.includes(name)))
    if (type !== 'cgroup' || group === undefined || !isNew) continue
    first.push({ version: 1, controllers, place: placeOf(mount, group.path), top: mount.point })
  }
  const second = mounts.find(({ type }) => type === 'cgroup2')
  const group = groups.find(({ id }) => id === '0')
  if (second === undefined || group === undefined) return first
  const taken = first.flatMap((hierarchy) => hierarchy.controllers)
  const controllers = wanted.filter((name) => !taken.includes(name))
  const place = placeOf(second, group.path)
  return [...first, { version: 2, controllers, place, top: second.point }]
}

interface Mount {
  /** Which part of the hierarchy is mounted. */
  readonly root: string
  readonly point: string
  readonly type: string
  readonly options: readonly string[]
}

function mountOf(line: string): Mount | undefined {
  const [before = '', after = ''] = line.split(' - ')
  const [, , , root, point] = before.split(' ').map(unescaped)
  const [type, , options = ''] = after.split(' ')
  if (root === undefined || point === undefined || type === undefined) return undefined
  return { root, point, type, options: options.split(',') }
}

/** Spaces and the like are written in octal. */
function unescaped(text: string): string {
  return text.replaceAll(/\\(\d{3})/g, (_all, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 8)),
  )
}

function groupOf(line: string): { id: string; names: string[]; path: string } | undefined {
  const found = /^(\d+):([^:]*):(\/.*)$/.exec(line)
  if (found === null) return undefined
  const [, id = '', names = '', path = ''] = found
  return { id, names: names.split(','), path }
}

/** A group outside of what is mounted cannot be reached: then it is the mounted part's top. */
function placeOf({ root, point }: Pick<Mount, 'root' | 'point'>, path: string): string {
  if (root === '/') return join(point, path)
  if (path === root) return point
  return path.startsWith(`${root}/`) ? join(point, path.slice(root.length)) : point
}
