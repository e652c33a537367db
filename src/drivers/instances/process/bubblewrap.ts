import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { LaunchMount } from '../../../parts/instances/driver.ts'

/**
 * What an isolated process sees of the machine, as arguments of bubblewrap: programs and libraries
 * read-only, the few files of /etc that programs look into, its own folders, and nothing else. It
 * has its own processes, its own /dev, /tmp and /dev/shm, and no way to more privileges.
 *
 * Paths inside are the paths outside, so that a command is found where it was looked for.
 */

/** Programs and their libraries: what the machine's packages install. */
const programRoots = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/opt',
] as const

/** Package managers that keep all of it elsewhere. */
const otherRoots = ['/nix/store', '/snap'] as const

/**
 * What of /etc is seen where an instance is the agent's own user, who may have secrets there: names,
 * time, certificates, how libraries are found, and what packages of languages and desktops keep there
 * for their programs. A user of its own sees what everybody may read; and one bind instead of forty
 * makes a start 4 ms shorter.
 */
const etcPatterns = [
  /^(hosts|hostname|host\.conf|networks|protocols|services|rpc|resolv\.conf|gai\.conf|nsswitch\.conf)$/,
  /^(localtime|timezone|locale.*|os-release|debian_version|lsb-release|machine-info)$/,
  /^(ssl|pki|ca-certificates.*|crypto-policies|gnutls|krb5\.conf(\.d)?)$/,
  /^(ld\.so\..*|alternatives|magic|mime\.types|terminfo|inputrc|bash\.bashrc|profile(\.d)?)$/,
  /^(fonts|X11|xdg|gtk-.*|pango|dconf|alsa|pulse|vulkan|glvnd|OpenCL|papersize|sane\.d)$/,
  /^(java.*|python.*|perl|php|ruby.*|ImageMagick.*|ghostscript|odbc.*|chromium.*|libreoffice)$/,
]

/** What the processors are: runtimes choose their threads by it. */
const sysPlaces = ['/sys/devices/system/cpu', '/sys/devices/system/node'] as const

/** Shared memory of one instance at the most, in bytes; what is in it counts as memory. */
const sharedMemoryBytesMax = 64 * 1024 * 1024

/** Who an isolated process is. */
export type User =
  /** The agent is root: a user of the instance's own, whom nothing else of the machine belongs to. */
  | { readonly is: 'own'; readonly uid: number; readonly setpriv: string }
  /** The agent is not root, and cannot make it anybody else. */
  | { readonly is: 'the-agents'; readonly setpriv: string }

/** What differs from instance to instance. */
export interface Cell {
  readonly hostname: string
  readonly user: User
  /** Where it starts; read-only. */
  readonly directory: string
  /** Its home, its temporary files and its volumes: all that it may write. */
  readonly home: string
  readonly tmp: string
  readonly volumes: readonly string[]
  /** Files that went along with its release, read-only. */
  readonly mounts: readonly LaunchMount[]
  /** In place of the machine's, so that it has a name. */
  readonly passwd: string
  readonly group: string
  /** Its own control groups: runtimes look there for what they may take. */
  readonly groups: readonly string[]
  /** More of bubblewrap's arguments: a network of its own. */
  readonly more?: readonly string[]
}

/** One thing of the machine that is shown, and where. */
export interface Shown {
  readonly how: '--ro-bind' | '--bind' | '--symlink'
  readonly from: string
  readonly at: string
}

/** Everything that is the same for all instances; looked up once. */
export function sharedView(places: readonly string[], user: User['is']): Shown[] {
  const roots = [...programRoots, ...otherRoots].flatMap(rootShown)
  const etc = user === 'own' ? wholeEtc() : etcOfPatterns()
  const sys = sysPlaces.flatMap(readOnly)
  return [...roots, ...etc, ...sys, ...placesBeyondRoots(places).flatMap(readOnly)]
}

/** All of it, and what the resolver's file leads to: that lies in /run on most machines. */
function wholeEtc(): Shown[] {
  const leadsTo = readOnly('/etc/resolv.conf').map(({ from }) => from)
  const elsewhere = leadsTo.filter((path) => !path.startsWith('/etc/') && !isWithinRoots(path))
  return ['/etc', ...elsewhere].flatMap(readOnly)
}

function etcOfPatterns(): Shown[] {
  const names = readdirSync('/etc').filter((name) => etcPatterns.some((one) => one.test(name)))
  return names.flatMap((name) => readOnly(join('/etc', name)))
}

/** Folders and files that no root shows already. */
export function placesBeyondRoots(places: readonly string[]): string[] {
  return places.filter((place) => isAbsolute(place) && !isWithinRoots(place))
}

/** Whether a file is where every instance can see it. */
export function isWithinRoots(path: string): boolean {
  return [...programRoots, ...otherRoots].some(
    (root) => path === root || path.startsWith(`${root}/`),
  )
}

/** bubblewrap's arguments in front of an instance's command. */
export function bubblewrapArgs(shared: readonly Shown[], cell: Cell): string[] {
  const { hostname, directory, home, tmp, user, more = [] } = cell
  const shown = [...shared, ...shownOf(cell)]
  return [
    ...words('--unshare-pid --unshare-ipc --unshare-uts --new-session'),
    '--hostname',
    hostname.slice(0, 63),
    ...(user.is === 'own' ? ownUserArgs : ['--unshare-user']),
    ...more,
    // Its temporary files first: data folders may lie below /tmp.
    '--bind',
    tmp,
    '/tmp',
    ...foldersAbove([...shown.map(({ at }) => at), home, '/var/tmp', '/run/here']),
    ...words('--symlink /tmp /var/tmp'),
    ...shown.flatMap(({ how, from, at }) => [how, from, at]),
    ...words('--proc /proc'),
    ...(user.is === 'own' ? words('--dev /dev') : plainDevices),
    ...words(`--perms 1777 --size ${sharedMemoryBytesMax} --tmpfs /dev/shm --remount-ro /`),
    '--chdir',
    directory,
    '--',
    ...asUser(user),
  ]
}

function shownOf(cell: Cell): Shown[] {
  const { directory, home, tmp, volumes, mounts, passwd, group, groups } = cell
  const same = (how: Shown['how'], path: string): Shown => ({ how, from: path, at: path })
  return [
    { how: '--ro-bind', from: passwd, at: '/etc/passwd' },
    { how: '--ro-bind', from: group, at: '/etc/group' },
    ...groups.map((folder) => same('--ro-bind', folder)),
    same('--ro-bind', directory),
    same('--bind', home),
    same('--bind', tmp),
    ...volumes.map((folder) => same('--bind', folder)),
    ...mounts.map(({ source, path }): Shown => ({ how: '--ro-bind', from: source, at: path })),
  ]
}

/** Made by bubblewrap itself they would be root's alone, and nobody else would get through. */
function foldersAbove(paths: readonly string[]): string[] {
  const folders = new Set<string>()
  for (const path of paths) {
    for (let above = dirname(path); above !== '/'; above = dirname(above)) folders.add(above)
  }
  return [...folders].toSorted((a, b) => a.length - b.length).flatMap((path) => ['--dir', path])
}

/** What it takes to become somebody else, and no more. */
const ownUserArgs = words(
  '--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP',
)

/**
 * Without terminals of its own: for those bubblewrap would make a second user namespace inside the
 * first, and no command could join the others from there.
 */
const plainDevices = [
  ...words('--tmpfs /dev'),
  ...['null', 'zero', 'full', 'random', 'urandom', 'tty'].flatMap((name) =>
    words(`--dev-bind /dev/${name} /dev/${name}`),
  ),
  ...words('--symlink /proc/self/fd /dev/fd --symlink /proc/self/fd/0 /dev/stdin'),
  ...words('--symlink /proc/self/fd/1 /dev/stdout --symlink /proc/self/fd/2 /dev/stderr'),
]

/** Goes before a command that is to run as an isolated process's user, with no way to more. */
export function asUser(user: User): string[] {
  if (user.is === 'the-agents') return []
  const { setpriv, uid } = user
  return [
    setpriv,
    ...words(`--reuid ${uid} --regid ${uid} --clear-groups`),
    ...words('--bounding-set=-all --inh-caps=-all --no-new-privs --'),
  ]
}

/** nsenter's arguments in front of a command that joins those of the process `init`. */
export function enterArgs(init: number, user: User, hasNetwork: boolean): string[] {
  const network = hasNetwork ? ['--net'] : []
  const common = [...words(`--target ${init} --mount --pid --ipc --uts --root --wd`), ...network]
  if (user.is === 'own') return [...common, '--', ...asUser(user)]
  const unprivileged = [user.setpriv, ...words('--no-new-privs --')]
  return [...common, ...words('--user --preserve-credentials --'), ...unprivileged]
}

/** Of what is ours alone: never of a path. */
function words(text: string): string[] {
  return text.split(' ')
}

/** /bin is a link to usr/bin on most machines, and stays one. */
function rootShown(root: string): Shown[] {
  if (!existsSync(root)) return []
  if (!lstatSync(root).isSymbolicLink()) return [{ how: '--ro-bind', from: root, at: root }]
  return [{ how: '--symlink', from: readlinkSync(root), at: root }]
}

/** What a link leads to is shown in its place: /etc/resolv.conf may lie in /run. */
function readOnly(path: string): Shown[] {
  try {
    return [{ how: '--ro-bind', from: realpathSync(path), at: path }]
  } catch {
    return []
  }
}
