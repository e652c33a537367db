import { spawn } from 'node:child_process'
import { open, readFile, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { systemCodeOf } from '../../../base/errors.ts'

/**
 * The watchdog of a singleton: a few lines of POSIX sh, in a session of their own, that end the
 * singleton when its lease runs out (rule 5 of docs/reference/rules.md).
 *
 * An agent that is stopped, killed or cut off renews nothing, and can end nothing either; so what
 * ends the singleton is another process, and goes by the machine's clock since its boot
 * (/proc/uptime), which nobody sets and which goes on through a suspend. It looks once a second and
 * at the very end of the lease, reads the lease's file, and kills: the session of the main process,
 * then whatever carries the instance's mark, until nothing is left.
 *
 * The lease is one number of a fixed width in a file that exists before the start, written over in
 * place: a renewal needs no block of a full disk. It does not leave before it has seen the note: a
 * start that was under way when the lease ran out is ended too. Nor does it kill once its lease is no
 * more: that goes before the instance's next run starts, which carries the same mark. Arguments: the lease's file, the
 * note of the main process (state-files.ts), the instance's id; then, of a container, a command that
 * is run along, and whose exit code 0 says that nothing is left.
 */
export const watchdogSource = String.raw`#!/bin/sh
rs_lease=$1 rs_note=$2 rs_id=$3 rs_until=0 rs_pid= rs_started=
shift 3

uptime() {
  read -r rs_up _ </proc/uptime
  rs_now=$((\${rs_up%.*} * 1000 + (1\${rs_up#*.} - 100) * 10))
}

look() {
  rs_session= rs_began=
  read -r rs_stat <"$1" || return
  set -- \${rs_stat##*) }
  [ "$1" = Z ] || rs_session=$4 rs_began=\${20}
}

end() {
  [ -f "$rs_lease" ] && kill -KILL "$1" && rs_found=yes
}

sweep() {
  rs_found=no
  [ -n "$rs_pid" ] || read -r rs_pid rs_started _ <"$rs_note"
  if [ -n "$rs_pid" ]; then
    look "/proc/$rs_pid/stat"
    [ "$rs_began" = "$rs_started" ] && end "$rs_pid"
    for rs_file in /proc/[0-9]*/stat; do
      look "$rs_file"
      rs_one=\${rs_file#/proc/}
      [ "$rs_session" = "$rs_pid" ] && end "\${rs_one%/stat}"
    done
  fi
  for rs_file in $(command -p grep -lzxF "ROADSTEAD_INSTANCE=$rs_id" /proc/[0-9]*/environ); do
    rs_one=\${rs_file#/proc/}
    look "/proc/\${rs_one%/environ}/stat"
    [ -n "$rs_session" ] && end "\${rs_one%/environ}"
  done
}

while [ -f "$rs_lease" ]; do
  read -r rs_end _ <"$rs_lease" && [ -n "$rs_end" ] && rs_until=$rs_end
  uptime
  rs_left=$((rs_until - rs_now))
  if [ "$rs_left" -ge 1000 ]; then
    command -p sleep 1
  elif [ "$rs_left" -gt 0 ]; then
    command -p sleep "$(printf '0.%03d' "$rs_left")"
  else
    sweep
    [ "$#" -gt 0 ] && "$@" && exit 0
    [ -n "$rs_pid" ] && [ "$rs_found" = no ] && exit 0
    command -p sleep 0.02
  fi
done
`.replaceAll('\\${', '${')

/** Characters of a lease's file: 10^15 ms are 30,000 years, and a newline. */
const leaseWidth = 16

/** Ms since the machine's boot, a suspend included, to 10 ms, rounded down. */
export function bootNow(): number {
  const [seconds = '0'] = readFileSync('/proc/uptime', 'latin1').split(' ')
  return Math.round(Number(seconds) * 1_000)
}

/** Makes a lease's file. */
export async function writeLease(path: string, until: number): Promise<void> {
  await writeFile(path, leaseText(until), { mode: 0o600 })
}

/** Writes a new end over a lease, in place; false when there is none. */
export async function extendLease(path: string, until: number): Promise<boolean> {
  try {
    await using file = await open(path, 'r+')
    await file.write(leaseText(until), 0)
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** When a lease ends; undefined when there is none. */
export async function readLease(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'latin1').catch(() => '')
  const until = Number.parseInt(text, 10)
  return Number.isSafeInteger(until) ? until : undefined
}

/**
 * Starts a watchdog, with nothing of ours in its hands; resolves once it runs. `along` is the command
 * of a container.
 */
export async function startWatchdog(
  script: string,
  of: { readonly lease: string; readonly note: string; readonly instanceId: string },
  along: readonly string[] = [],
): Promise<void> {
  const watchdog = spawn('/bin/sh', [script, of.lease, of.note, of.instanceId, ...along], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    detached: true,
    stdio: 'ignore',
  })
  await new Promise<void>((resolve, reject) => {
    watchdog.on('spawn', resolve)
    watchdog.on('error', reject)
  })
  watchdog.unref()
}

function leaseText(until: number): string {
  return `${String(Math.floor(until)).padEnd(leaseWidth - 1)}\n`
}
