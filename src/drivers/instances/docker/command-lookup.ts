import { posix } from 'node:path'
import { Fault } from '../../../base/errors.ts'
import type { Launch } from '../../../parts/instances/driver.ts'
import type { Engine } from './engine.ts'
import type { ImageConfig } from './images.ts'

/**
 * Looks for a container's command in its files before it starts. The first process is the engine's
 * own init, so a command that is missing would show as an exit code that programs give too.
 */
export async function requireCommand(
  engine: Engine,
  containerId: string,
  wanted: Pick<Launch, 'command' | 'args' | 'env' | 'container'>,
  image: ImageConfig,
): Promise<void> {
  const { command, args } = wanted
  const ofImage = args === undefined ? image.command : [...image.entrypoint, ...args]
  const given = command.length > 0 ? command : ofImage
  const [name] = given
  if (name === undefined) {
    throw missing('its image names no command, and the manifest has no `run`')
  }
  const searchPath = wanted.env['PATH'] ?? image.searchPath
  const places = name.includes('/')
    ? [posix.resolve(wanted.container?.workingDirectory ?? image.workingDirectory, name)]
    : searchPath.split(':').map((folder) => posix.join('/', folder, name))
  for (const path of places) if (await isThere(engine, containerId, path)) return
  const where = name.includes('/') ? '' : ` in ${searchPath}`
  throw missing(`${name}: command not found: its image has no \`${name}\`${where}`)
}

async function isThere(engine: Engine, containerId: string, path: string): Promise<boolean> {
  const call = { path: `/containers/${containerId}/archive`, query: { path } }
  const { status } = await engine.demand({ method: 'HEAD', ...call }, [404])
  return status !== 404
}

function missing(message: string): Fault {
  return new Fault('command-not-found', message, { retry: 'never' })
}
