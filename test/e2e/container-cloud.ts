import { afterAll, beforeAll } from 'vitest'
import { DockerEngine, engineWaitMs } from '../fixtures/docker-engine.ts'
import { ImageRegistry } from '../fixtures/image-registry.ts'
import { Cloud } from './cloud.ts'

/** A cloud whose node has a Docker Engine, with a registry to take images from. */
export interface ContainerCloud {
  readonly engine: DockerEngine
  readonly registry: ImageRegistry
  readonly cloud: Cloud
}

/** One for all tests of a `describe`, started before the first and removed after the last. */
export function useContainerCloud(): ContainerCloud {
  const engine = new DockerEngine()
  const registry = new ImageRegistry()
  const cloud = new Cloud()
  beforeAll(async () => {
    await Promise.all([engine.start(), registry.start()])
    await cloud.start(['--docker', `unix://${engine.socketPath}`])
  }, engineWaitMs)
  afterAll(async () => {
    await cloud.remove()
    await engine.remove()
    registry.remove()
  })
  return { engine, registry, cloud }
}
