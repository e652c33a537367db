import { readFile, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal, messageOf } from '../../base/errors.ts'
import type { JobView } from '../../wire/jobs.ts'
import type { Context } from '../context.ts'
import { programVersion } from '../program-version.ts'
import type { DataFacts, Facts, ServerFacts } from './facts.ts'

/** Rollouts that are looked at: those under way are among the newest. */
const rolloutsSeen = 50

/** Gathers what the doctor looks at; nothing that fails keeps the rest from being seen. */
export async function gather(context: Context, folder: string): Promise<Facts> {
  const [server, data, openFilesMax] = await Promise.all([
    serverFacts(context),
    dataFacts(folder),
    openFiles(),
  ])
  return {
    now: context.clock.now(),
    version: programVersion,
    nodeVersion: process.version,
    server,
    data,
    openFilesMax,
    knowsZones: Intl.supportedValuesOf('timeZone').includes('Europe/Prague'),
  }
}

async function serverFacts(context: Context): Promise<ServerFacts> {
  const { client, clock, settings } = context
  const url = settings.server
  try {
    const began = clock.monotonic()
    const { version, now } = await client.health()
    const answeredInMs = clock.monotonic() - began
    // What the server says was so half the answer's time ago.
    // An older server does not tell its time.
    const skewMs = (now ?? clock.now()) - (clock.now() - answeredInMs / 2)
    const [nodes, bounds, rollouts, apps] = await Promise.all([
      client.nodes(),
      client.bounds(),
      client.rollouts(rolloutsSeen),
      client.apps(),
    ])
    const jobs: JobView[] = (await Promise.all(apps.map((app) => client.jobs(app.at)))).flat()
    return { is: 'there', url, version, skewMs, answeredInMs, nodes, bounds, rollouts, jobs }
  } catch (error) {
    const isRefused = error instanceof Refusal && (error.status === 401 || error.status === 403)
    return { is: isRefused ? 'refused' : 'unreachable', because: messageOf(error), url }
  }
}

async function dataFacts(folder: string): Promise<DataFacts> {
  const found = await stat(folder).catch(() => undefined)
  if (found === undefined) {
    return { folder, exists: false, mode: 0, freeBytes: 0, freeInodes: 0, tokens: [] }
  }
  const { bavail, bsize, ffree, files } = await statfs(folder)
  const tokens = await Promise.all(
    ['operator', 'agent', 'ingress'].map(async (name) => {
      const file = join(folder, 'tokens', name)
      const isReadable = await readFile(file).then(
        () => true,
        () => false,
      )
      return { name, mode: isReadable ? (await stat(file)).mode & 0o777 : undefined }
    }),
  )
  return {
    folder,
    exists: true,
    mode: found.mode & 0o777,
    freeBytes: bavail * bsize,
    // Some file systems make files as they go and count none.
    freeInodes: files === 0 ? Infinity : ffree,
    tokens,
  }
}

/** The soft limit of this process, as the machine gives it to all that it starts. */
async function openFiles(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const found = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return found === undefined ? undefined : Number(found)
}
