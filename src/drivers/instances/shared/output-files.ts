import { existsSync, readdirSync, statSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../../../base/errors.ts'
import type { OutputChunk, OutputPosition, OutputStream } from '../../../parts/instances/driver.ts'

/**
 * Reads what the shim writes: `stdout.1`, `stdout.2` … and `stdout.dropped`, which says how many
 * newlines were in the segments that are gone. The shim alone writes and drops them.
 */

/** The newest segment of a stream; 1 when there is none yet. */
export function newestSegment(home: string, stream: OutputStream): number {
  return Math.max(1, ...segmentsOf(home, stream))
}

/** Whether something lies behind `from`; a stat or two. */
export function hasOutput(home: string, stream: OutputStream, from: OutputPosition): boolean {
  const size = sizeOf(pathOf(home, stream, from.segment))
  if (size === undefined) return segmentsOf(home, stream).some((found) => found > from.segment)
  return size > from.byte || existsSync(pathOf(home, stream, from.segment + 1))
}

/** The next bytes behind `from`, within one segment; undefined when there are none. */
export async function readOutput(
  home: string,
  stream: OutputStream,
  from: OutputPosition,
  bytesMax: number,
): Promise<OutputChunk | undefined> {
  // Asked before reading: the shim is done with a segment once the next one is there.
  const isDone = existsSync(pathOf(home, stream, from.segment + 1))
  const bytes = await readSegment(pathOf(home, stream, from.segment), from.byte, bytesMax)
  if (bytes === undefined) return skipDropped(home, stream, from, bytesMax)
  if (bytes.length > 0) return chunkAt(from, bytes)
  if (!isDone) return undefined
  return readOutput(home, stream, { ...from, segment: from.segment + 1, byte: 0 }, bytesMax)
}

/** Goes on with the oldest segment that is left, when the bound has cost the wanted one. */
async function skipDropped(
  home: string,
  stream: OutputStream,
  from: OutputPosition,
  bytesMax: number,
): Promise<OutputChunk | undefined> {
  const dropped = await readDropped(home, stream)
  if (dropped === undefined || dropped.segment < from.segment) return undefined
  const oldest = Math.min(...segmentsOf(home, stream).filter((found) => found > dropped.segment))
  if (oldest === Infinity) return undefined
  const at = { segment: oldest, byte: 0, newlines: Math.max(dropped.newlines, from.newlines) }
  const bytes = await readSegment(pathOf(home, stream, oldest), 0, bytesMax)
  return bytes === undefined || bytes.length === 0 ? undefined : chunkAt(at, bytes)
}

function chunkAt(at: OutputPosition, bytes: Uint8Array): OutputChunk {
  const next = {
    segment: at.segment,
    byte: at.byte + bytes.length,
    newlines: at.newlines + countNewlines(bytes),
  }
  return { at, bytes, next }
}

function countNewlines(bytes: Uint8Array): number {
  let count = 0
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count++
  return count
}

const newline = 10

async function readSegment(
  path: string,
  position: number,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, position)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function readDropped(
  home: string,
  stream: OutputStream,
): Promise<{ segment: number; newlines: number } | undefined> {
  const text = await readFile(join(home, `${stream}.dropped`), 'utf8').catch(() => '')
  // Without its newline the shim is just writing it: the next read finds it whole.
  const found = /^(\d+) (\d+)\n$/.exec(text)
  return found === null ? undefined : { segment: Number(found[1]), newlines: Number(found[2]) }
}

function segmentsOf(home: string, stream: OutputStream): number[] {
  return namesIn(home)
    .filter((name) => name.startsWith(`${stream}.`))
    .map((name) => Number(name.slice(stream.length + 1)))
    .filter((segment) => Number.isInteger(segment))
}

function namesIn(home: string): string[] {
  try {
    return readdirSync(home)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}

function pathOf(home: string, stream: OutputStream, segment: number): string {
  return join(home, `${stream}.${segment}`)
}
