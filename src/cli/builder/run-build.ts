import { systemClock } from '../../base/clock.ts'
import { Fault, messageOf } from '../../base/errors.ts'
import { credentialsFrom, noCredentials } from '../../base/registry-credentials.ts'
import { BuiltImages } from '../../drivers/builds/built-images.ts'
import { buildImage } from '../../drivers/builds/image-builder.ts'
import { Engine } from '../../drivers/instances/docker/engine.ts'
import type { BuildOrder } from '../../parts/jobs/model.ts'
import { buildExits, buildVariables } from '../../wire/builds.ts'

/** What an agent tells its builds, beside the order. */
export interface BuildTask {
  readonly order: BuildOrder
  readonly limits: { readonly cpu: number; readonly memoryBytes: number }
}

/** Builds what the environment says, from the context in `directory`; the code that it ends with. */
export async function runBuild(env: NodeJS.ProcessEnv, directory: string): Promise<number> {
  const { order: task, engine: socket, credentials, notes } = buildVariables
  const { order, limits } = JSON.parse(env[task] ?? '{}') as BuildTask
  const file = env[credentials]
  const engine = new Engine(env[socket] ?? '', systemClock)
  try {
    await buildImage(order, {
      engine,
      credentials: file === undefined ? noCredentials : credentialsFrom(file),
      built: new BuiltImages(env[notes] ?? '', engine),
      directory,
      limits,
      print: (text) => process.stdout.write(text),
    })
    return 0
  } catch (error) {
    process.stdout.write(`error: ${messageOf(error)}\n`)
    return exitOf(error)
  }
}

function exitOf(error: unknown): number {
  switch (error instanceof Fault ? error.code : '') {
    case 'engine-silent':
    case 'engine-gone':
    case 'engine-refused':
      return buildExits.noEngine
    case 'push-failed':
      return buildExits.notPushed
    default:
      return buildExits.failed
  }
}
