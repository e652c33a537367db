import { constants, openSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Fault, messageOf } from '../../base/errors.ts'
import type { Browser } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** Nothing of its own accord: what it asks for is what a journey asks for. */
const quiet = [
  ...['background-networking', 'component-update', 'sync', 'quic'].map((it) => `--disable-${it}`),
  '--no-first-run',
]

/** Characters of why a browser does not start. */
const reasonMax = 4_000

/**
 * Starts the machine's Chromium: ROADSTEAD_CHROMIUM, or the first of its names in PATH. Fault
 * `no-browser`: there is none, or it does not start.
 */
export async function startChromium(
  environment: Readonly<Record<string, string | undefined>>,
  timeoutMs: number,
): Promise<Browser> {
  const executablePath = await findChromium(environment)
  const { chromium } = await import('playwright-core')
  try {
    const env = { ...environment, TMPDIR: shortPath(tmpdir()) }
    return await chromium.launch({ executablePath, args: quiet, timeout: timeoutMs, env })
  } catch (error) {
    // The first lines say what, the many after them how it was started.
    throw noBrowser(`${executablePath} does not start: ${messageOf(error).slice(0, reasonMax)}`)
  }
}

/**
 * Another name of a folder: Chromium puts a socket there, whose path has room for 107 bytes, and an
 * instance's folder may lie deep. It holds as long as this process, and leaves nothing behind.
 */
function shortPath(folder: string): string {
  return `/proc/${process.pid}/fd/${openSync(folder, 'r')}`
}

async function findChromium({
  ROADSTEAD_CHROMIUM: named,
  PATH = '',
}: Readonly<Record<string, string | undefined>>): Promise<string> {
  const folders = PATH.split(delimiter).filter((folder) => folder !== '')
  const inPath = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  const places = named === undefined ? inPath : [named]
  for (const place of places) if (await isExecutable(place)) return place
  if (named !== undefined) throw noBrowser(`ROADSTEAD_CHROMIUM names ${named}, which does not run`)
  throw noBrowser(
    `there is no ${names.join(', ')} in PATH: install one on this machine ` +
      '(apt-get install chromium), or start the agent with its path in ROADSTEAD_CHROMIUM',
  )
}

function noBrowser(message: string): Fault {
  return new Fault('no-browser', message, { retry: 'never' })
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
