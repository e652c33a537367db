import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunView } from '../../src/wire/jobs.ts'
import { canRunContainers, DockerEngine, engineWaitMs } from '../fixtures/docker-engine.ts'
import { ImageRegistry } from '../fixtures/image-registry.ts'
import { Cloud, until, type Ran } from './cloud.ts'

/** Images are built from Dockerfiles by a run on a node that may, and deployed by their digests. */

describe.skipIf(!canRunContainers())('images that are built here', () => {
  const engine = new DockerEngine()
  const registry = new ImageRegistry()
  const cloud = new Cloud()
  const folder = join(cloud.folder, 'site')

  beforeAll(async () => {
    await Promise.all([engine.start(), registry.start()])
    await cloud.start(['--docker', `unix://${engine.socketPath}`])
    await registry.push('box/base', '1')
    write('roadstead.yaml', manifest())
    write('web/Dockerfile', dockerfile())
    write('web/www/index.html', 'first\n')
    write('web/.dockerignore', 'notes\n*.log\n')
    write('web/notes/private.txt', 'not for images\n')
    write('web/.env', 'SECRET=1\n')
  }, engineWaitMs)

  afterAll(async () => {
    await cloud.remove()
    await engine.remove()
    registry.remove()
  })

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }

  function manifest(build = '    build: ./web'): string {
    return `roadstead: v1
app: site
services:
  web:
    image: ${registry.host}/site/web
${build}
    run: [/bin/sh, /serve.sh]
    health: /
    route: site.localhost
    memory: 48MiB
    stop: { drain: 1s, grace: 1s }
`
  }

  /** What it serves shows what was in its context. */
  function dockerfile(more = ''): string {
    return `FROM ${registry.host}/box/base:1
ARG WORD=plain
COPY . /src/
RUN /bin/busybox mkdir -p /site && /bin/busybox cp /src/www/index.html /site/index.html
RUN echo "$WORD" >> /site/index.html && /bin/busybox find /src -type f >> /site/index.html
${more}RUN echo 'exec httpd -f -p $PORT -h /site' > /serve.sh
`
  }

  async function page(): Promise<string[]> {
    const headers = { host: 'site.localhost' }
    const { body, statusCode } = await request(cloud.file.ingress, { headers })
    const text = await body.text()
    return statusCode === 200 ? text.trim().split('\n') : []
  }

  function deploy(...options: string[]): Promise<Ran> {
    return cloud.run('deploy', folder, ...options)
  }

  async function builds(): Promise<RunView[]> {
    const { items } = await cloud.get<{ items: RunView[] }>('/v1/runs?limit=50')
    return items.filter(({ purpose }) => purpose === 'build')
  }

  test('a deploy builds what is not built yet, and runs it by its digest', async () => {
    await until(async () => {
      const { items } = await cloud.get<{ items: { drivers?: string[] }[] }>('/v1/nodes')
      return items.some(({ drivers }) => drivers?.includes('builds') === true)
    }, 'the node builds images')
    const { code, output } = await deploy('--version', 'v1')
    expect(code, output).toBe(0)
    expect(output).toMatch(/web \| Step 1\/\d+ : FROM/)
    expect(output).toContain('web: built in')
    const [first, ...rest] = await page()
    expect(first).toBe('first')
    expect(rest.toSorted()).toEqual([
      '/src/.dockerignore',
      '/src/Dockerfile',
      '/src/www/index.html',
      'plain',
    ])
    const [run] = await builds()
    expect(run).toMatchObject({ state: 'succeeded', createdBy: 'operator' })
    expect(run?.attempts).toHaveLength(1)
  })

  test('what was built from the same files is not built again, under another version too', async () => {
    const { code, output } = await deploy('--version', 'v2')
    expect(code, output).toBe(0)
    expect(output).toContain('web: built before')
    expect(await builds()).toHaveLength(1)
  })

  test('another file or argument is another image', async () => {
    write('web/www/index.html', 'second\n')
    write('roadstead.yaml', manifest('    build: { context: ./web, args: { WORD: loud } }'))
    const { code, output } = await deploy()
    expect(code, output).toBe(0)
    expect((await page()).slice(0, 2)).toEqual(['second', 'loud'])
    expect(await builds()).toHaveLength(2)
  })

  test('a step that fails is told with its own words, and is not tried again', async () => {
    write('web/Dockerfile', dockerfile('RUN echo "the tests are red"; exit 3\n'))
    const { code, output } = await deploy()
    expect(code).toBe(1)
    expect(output).toContain('web | the tests are red')
    expect(output).toMatch(/error: the build of web failed: a step of it failed: .*code: 3/)
    const [run] = await builds()
    expect(run?.state).toBe('failed')
    expect(run?.attempts).toHaveLength(1)
    expect((await page())[0]).toBe('second')
  })

  test('a base image that is not to be had, and a Dockerfile that is missing, are told', async () => {
    write('web/Dockerfile', `FROM ${registry.host}/box/none:9\n`)
    const unknown = await deploy()
    expect(unknown.code).toBe(1)
    expect(unknown.output).toMatch(/error: the build of web failed: .*box\/none/)
    rmSync(join(folder, 'web/Dockerfile'))
    const missing = await deploy()
    expect(missing.code).toBe(1)
    expect(missing.output).toContain('there is no Dockerfile in')
  })
})
