import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { Fault, assert, messageOf } from '../../../base/errors.ts'
import type { Launch } from '../../../parts/instances/driver.ts'
import { sendSignal } from './signals.ts'

/**
 * A network of its own for a process that insists on its port: bubblewrap makes an empty one, and
 * pasta (of passt) joins it to the machine's. What comes to the node's port is passed to the port
 * inside; the listeners that the process calls are on its own loopback, as they are on the node's;
 * everything else goes out as the machine's own connections. Nothing of the machine is configured,
 * and nothing is left behind when both have ended.
 *
 * pasta is started by the shim, which waits for it before the program begins and ends it after the
 * program; an agent that comes later ends one whose shim was killed.
 */

/** pasta has this long to join a network, in seconds; it takes some 50 ms. */
const joinSeconds = 10

/** The tools that a network is joined with. */
export interface NetworkTools {
  readonly pasta: string
  readonly nsenter: string
  /** Whether the agent is root: the network is then the machine's, not a user namespace's. */
  readonly isRoot: boolean
}

/** What goes in and out, beside the world. */
export interface Passage {
  /** Of the node; null: nothing comes in. */
  readonly outer: { readonly host: string; readonly port: number } | null
  /** Where the program listens, inside. */
  readonly inner: number
  /** Ports of the node's loopback that are on the loopback inside too. */
  readonly reaches: readonly number[]
}

/** The passage of a process that insists on its port; undefined: it listens where it is told to. */
export function passageOf({ image, container, listen, reaches = [] }: Launch): Passage | undefined {
  const inner = container?.port
  if (image !== undefined || inner === undefined) return undefined
  const outer = listen && { ...listen, host: isLoopback(listen.host) ? listen.host : loopback }
  return { outer, inner, reaches }
}

/** Fault `port-unsupported`: this machine cannot, or nobody could. */
export function requirePassage(
  passage: Passage | undefined,
  tools: NetworkTools | string,
): NetworkTools | undefined {
  if (passage === undefined) return undefined
  const { inner, reaches } = passage
  const insists = `it insists on port ${inner}`
  const refused = (why: string): Fault => new Fault('port-unsupported', why, { retry: 'never' })
  if (typeof tools === 'string') throw refused(`${insists}: no network of its own here: ${tools}`)
  if (reaches.includes(inner))
    throw refused(`${insists}, at which it finds a service that it calls`)
  return tools
}

/** Where pasta takes connections, so that it passes them on without a TCP of its own between. */
export const loopback = '127.0.0.1'

/** Whether an address is the machine's own alone. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** bubblewrap's: it tells the pid of its child at 3, and waits for a byte at 4 before the program. */
export const ownNetworkArgs = ['--unshare-net', '--info-fd', '3', '--block-fd', '4'] as const

/**
 * A few lines of sh that join the network of the process `$1` to the machine's, and have pasta write
 * its pid to the file `$2`. Ports below 1024 are anybody's inside, as they are in containers. Root's
 * pasta gives its rights away, those that look at others' processes among them: it is given the
 * network open.
 */
export function joinSource({ pasta, nsenter, isRoot }: NetworkTools, passage: Passage): string {
  const { outer, inner, reaches } = passage
  const into = outer === null ? 'none' : `${outer.host}/${outer.port}:${inner}`
  const options = [
    ...'--config-net --quiet --no-netns-quit --no-map-gw --udp-ports none --udp-ns none'.split(' '),
    '--tcp-ports',
    into,
    '--tcp-ns',
    reaches.length === 0 ? 'none' : reaches.join(','),
    ...(isRoot ? ['--netns-only', '--runas', '0'] : []),
  ]
  const enter = isRoot ? '--net' : '--user --preserve-credentials --net'
  const network = isRoot ? '--netns /proc/self/fd/0 <"/proc/$1/ns/net"' : '"$1"'
  return `anybody='echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start'
command -p env -i ${quoted(nsenter)} --target "$1" ${enter} /bin/sh -c "$anybody" || exit
exec env -i /usr/bin/timeout ${joinSeconds} ${[pasta, ...options].map(quoted).join(' ')} \\
  --pid "$2" ${network}
`
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** Joins a network as a start would, and ends it again; rejects with what was missing. */
export async function tryNetwork(
  tools: NetworkTools,
  bwrap: readonly string[],
  root: string,
): Promise<void> {
  const folder = await mkdtemp(join(root, '.trial-network-'))
  const [file = '', ...args] = bwrap
  const child = spawn(file, [...args, ...ownNetworkArgs, '--', '/bin/sleep', '60'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    env: {},
  })
  child.on('error', () => {})
  let pid = ''
  try {
    pid = await childPidOf(child.stdio[3] as Readable)
    const [script, note] = [join(folder, 'join'), join(folder, 'pid')]
    await writeFile(script, joinSource(tools, { outer: null, inner: 1, reaches: [] }))
    const timeout = 2 * joinSeconds * 1_000
    await promisify(execFile)('/bin/sh', [script, pid, note], { timeout })
    sendSignal(Number(await readFile(note, 'utf8')), 'SIGKILL')
  } catch (error) {
    throw new Error(lastOf(messageOf(error)), { cause: error })
  } finally {
    child.kill('SIGKILL')
    // Nothing ends with its parent here, and what waits inside would keep this process from its end.
    if (pid !== '') sendSignal(Number(pid), 'SIGKILL')
    for (const pipe of child.stdio) pipe?.destroy()
    await rm(folder, { recursive: true, force: true })
  }
}

async function childPidOf(info: Readable): Promise<string> {
  let text = ''
  info.on('data', (piece: Buffer) => (text += piece.toString('latin1')))
  await once(info, 'close')
  const pid = /"child-pid": (\d+)/.exec(text)?.[1]
  assert(pid !== undefined, 'bubblewrap makes no network of its own')
  return pid
}

/** What pasta says last is why. */
function lastOf(text: string): string {
  const lines = text.trim().split('\n')
  return lines.filter((line) => !line.startsWith('Failed to send ')).at(-1) ?? ''
}
