import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { request } from 'undici'
import { beforeAll, describe, expect, test } from 'vitest'
import type { RunView } from '../../src/wire/jobs.ts'
import { canRunContainers } from '../fixtures/docker-engine.ts'
import { until, type Ran } from './cloud.ts'
import { useContainerCloud } from './container-cloud.ts'

/** Images are built from Dockerfiles by a run on a node that may, and deployed by their digests. */

describe.skipIf(!canRunContainers())('images that are built here', () => {
  const { engine, registry, cloud } = useContainerCloud()
  const folder = join(cloud.folder, 'site')

  beforeAll(async () => {
    await registry.push('box/base', '1')
    write('roadstead.yaml', manifest())
    write('web/Dockerfile', dockerfile())
    write('web/www/index.html', 'first\n')
    write('web/.dockerignore', 'notes\n*.log\n')
    write('web/notes/private.txt', 'not for images\n')
    write('web/.env', 'SECRET=1\n')
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

  /** A step of a Dockerfile that the engine runs now. */
  function isUnderWay(step: string): boolean {
    return engine.docker('ps', '--no-trunc', '--format', '{{.Command}}').includes(step)
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
    write(
      'roadstead.yaml',
      manifest('    build: { context: ./web, memory: 24MiB, args: { WORD: loud } }'),
    )
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

  test('a build outlives its agent, and ends with whoever takes it back', async () => {
    write('web/Dockerfile', dockerfile('RUN echo first half; sleep 6; echo second half\n'))
    const deploying = deploy()
    await until(() => isUnderWay('sleep 6'), 'the step runs')
    process.kill(cloud.file.roles['agent']?.pid ?? 0, 'SIGKILL')
    const { code, output } = await deploying
    expect(code, output).toBe(0)
    expect(output).toContain('web | second half')
    expect((await builds())[0]?.attempts).toHaveLength(1)

    write('web/Dockerfile', dockerfile('RUN sleep 300\n'))
    const waiting = deploy()
    await until(() => isUnderWay('sleep 300'), 'the step runs')
    const [run] = await builds()
    expect((await cloud.run('runs', 'cancel', run?.id ?? '')).code).toBe(0)
    const ended = await waiting
    expect(ended.code).toBe(1)
    expect(ended.output).toContain('the build of web was taken back: cancelled by operator')
    await until(() => !isUnderWay('sleep 300'), 'the engine has ended the step')
  })

  test('one that hangs ends with its time', async () => {
    const build = '{ context: ./web, timeout: 10s }'
    write('roadstead.yaml', manifest(`    build: ${build}`))
    write('web/Dockerfile', dockerfile('RUN sleep 301\n'))
    const hung = await deploy()
    expect(hung.code).toBe(1)
    expect(hung.output).toContain('the build of web took too long: timed out after 10 s')
    await until(() => !isUnderWay('sleep 301'), 'the engine has ended the step')
  })

  test('a compose file whose images can be built here runs as it is', async () => {
    const project = join(cloud.folder, 'counting')
    const add = (path: string, text: string): void => {
      mkdirSync(dirname(join(project, path)), { recursive: true })
      writeFileSync(join(project, path), text)
    }
    add(
      'teller/Dockerfile',
      `FROM ${registry.host}/box/base:1\nARG WORD\nRUN echo $WORD > /www/index.html\n`,
    )
    add(
      'pages/deploy/Dockerfile',
      `FROM ${registry.host}/box/base:1 AS small\nCOPY start.sh /\nFROM small\nRUN exit 9\n`,
    )
    const fetch = 'while true; do wget -q -O /www/index.html http://teller:7000/; sleep 1; done &'
    add('pages/start.sh', `${fetch}\nexec httpd -f -p 3000 -h /www\n`)
    add(
      'compose.yaml',
      `services:
  teller:
    build: { context: ./teller, args: [WORD] }
    command: [/bin/sh, -c, "exec httpd -f -p 7000 -h /www"]
    expose: ["7000"]
    mem_limit: 48m
    cpus: 0.2
  pages:
    build: { context: pages, dockerfile: deploy/Dockerfile, target: small }
    image: team/pages:latest
    command: [/bin/sh, /start.sh]
    ports: ["8080:3000"]
    depends_on: [teller]
    mem_limit: 48m
    cpus: 0.2
`,
    )
    add('.env', 'WORD=counted\n')
    const file = join(project, 'compose.yaml')
    const { code, output } = await cloud.run('deploy', file, '--registry', `${registry.host}/team`)
    expect(code, output).toBe(0)
    expect(output).toContain('~ services.teller.build: built at a deploy')
    const shown = async (): Promise<string> => {
      const headers = { host: 'pages.localhost' }
      const { body, statusCode } = await request(cloud.file.ingress, { headers })
      const text = await body.text()
      return statusCode === 200 ? text.trim() : ''
    }
    await until(async () => (await shown()) === 'counted', 'the page shows what the other tells')
  })
})
