/**
 * Canaries: secrets that a real cloud is given, and then looked for everywhere it writes; and lines
 * for a shell, in every field that takes them, of which none may ever run.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditPage } from '../../src/wire/audit.ts'
import type { HealthBody, InstanceView } from '../../src/wire/api.ts'
import { Cloud, until } from './cloud.ts'

const hello = join(import.meta.dirname, '../../examples/hello')

let cloud: Cloud
/** What nobody may find, by what it is. */
const canaries: Record<string, string> = {}
const answers: string[] = []

beforeAll(async () => {
  cloud = new Cloud()
  await cloud.start()
})

afterAll(async () => {
  await cloud.remove()
})

/** A copy of the sample with another manifest. */
function anApp(name: string, manifest: string): string {
  const folder = join(cloud.folder, name)
  cpSync(hello, folder, { recursive: true })
  writeFileSync(join(folder, 'roadstead.yaml'), manifest)
  return folder
}

/** All files below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** `operator token in server/state.db-wal`: the canaries that stand in the bytes. */
function canariesIn(bytes: Buffer, place: string): string[] {
  return Object.entries(canaries)
    .filter(([, canary]) => bytes.includes(canary))
    .map(([what]) => `${what} in ${place}`)
}

/** The command lines of all processes of this machine that can be read, this test's own aside. */
function commandLines(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    if (Number(pid) === process.pid) return []
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8')]
    } catch {
      return []
    }
  })
}

describe('secrets', () => {
  it('are given: tokens, a session, wrong credentials, a value where a reference belongs', async () => {
    for (const role of ['operator', 'agent', 'ingress']) {
      const file = join(cloud.data, 'tokens', role)
      canaries[`${role} token`] = readFileSync(file, 'utf8').trim()
    }
    const session = await cloud.request('POST', '/v1/session', { token: cloud.token })
    const [cookie = ''] = (session.headers.get('set-cookie') ?? '').split(';')
    canaries['session cookie'] = cookie.split('=')[1] ?? ''
    expect(canaries['session cookie']).toHaveLength(43)

    canaries['wrong token'] = `rst_${'wrong'.repeat(8)}`
    canaries['wrong cookie'] = 'canary-cookie-0815-0815'
    canaries['basic credentials'] = Buffer.from('user:canary-4711').toString('base64')
    const wrong = [
      { authorization: `Bearer ${canaries['wrong token']}` },
      { authorization: `Basic ${canaries['basic credentials']}` },
      { cookie: `roadstead_session=${canaries['wrong cookie']}` },
    ] as Record<string, string>[]
    for (const headers of wrong) {
      const answer = await fetch(`${cloud.file.server}/v1/apps`, { headers })
      expect(answer.status).toBe(401)
      answers.push(await answer.text())
    }
    const login = await cloud.request('POST', '/v1/session', { token: canaries['wrong token'] })
    answers.push(await login.text())

    canaries['secret value'] = 'Canary!sk-live-4711'
    const manifest = `roadstead: v1
app: leaky
services:
  web:
    run: node server.js
    secrets:
      API_KEY: ${canaries['secret value']}
`
    const folder = anApp('leaky', manifest)
    for (const command of ['plan', 'deploy']) {
      const refused = await cloud.run(command, '--file', folder)
      expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('not shown')])
      answers.push(refused.output)
    }
    const body = { manifest, artifacts: {}, files: null, version: 'v1', supersede: false }
    const path = '/v1/cells/local/default/apps/leaky/deploy'
    const direct = await cloud.request('POST', path, body)
    expect(direct.status).toBe(422)
    answers.push(await direct.text())
  })

  it('are in no answer, and on no command line while a cloud works', async () => {
    const deployed = await cloud.run('deploy', '--file', hello, '--json')
    expect([deployed.code, deployed.output]).toEqual([0, expect.any(String)])
    const found = [...answers, deployed.output].flatMap((text) =>
      canariesIn(Buffer.from(text), 'an answer'),
    )
    const seen = commandLines()
    expect(seen.some((line) => line.includes(cloud.data))).toBe(true)
    found.push(...seen.flatMap((line) => canariesIn(Buffer.from(line), `argv of ${line}`)))
    for (const path of ['events?limit=1000', 'plans?limit=1000', 'audit/chain', 'instances']) {
      const bytes = Buffer.from(await (await cloud.request('GET', `/v1/${path}`)).arrayBuffer())
      found.push(...canariesIn(bytes, path))
    }
    expect(found).toEqual([])
  })

  it('are in no file: store, its log, backup, artifacts, audit, logs of each role', async () => {
    const backup = join(cloud.folder, 'cloud.tar')
    expect((await cloud.run('backup', backup)).code).toBe(0)
    // What was refused is on record by then, and sealed.
    await until(async () => {
      const { items } = await cloud.get<AuditPage>('/v1/audit/records?what=access.refuse')
      return items.length > 0
    }, 'the refusals are sealed')
    const { revision } = await cloud.get<HealthBody>('/v1/health')
    expect(revision).toBeGreaterThan(10)
    const search = (): string[] =>
      [backup, ...filesIn(cloud.data)]
        .filter((file) => !file.startsWith(join(cloud.data, 'tokens')))
        .flatMap((file) => canariesIn(readFileSync(file), file))
    expect(search()).toEqual([])
    await cloud.stop()
    expect(search()).toEqual([])
    const names = filesIn(cloud.data).map((file) => file.slice(cloud.data.length + 1))
    // The search saw what it had to see.
    for (const expected of ['server/state.db', 'server/audit/000000000001.jsonl', 'logs/agent.log'])
      expect(names).toContain(expected)
    const planted = join(cloud.data, 'server/logs/planted')
    writeFileSync(planted, `Bearer ${canaries['agent token']}`)
    expect(search()).toEqual([`agent token in ${planted}`])
  })
})

describe('a line for a shell', () => {
  it('never runs, in whichever field it stands', async () => {
    const again = new Cloud(cloud.data)
    try {
      await again.start()
      const trap = join(cloud.folder, 'trap')
      mkdirSync(trap)
      const line = (name: string): string => {
        const file = join(trap, name)
        return `$(touch ${file}) \`touch ${file}\` ; touch ${file} && touch ${file} | touch ${file}`
      }
      const manifest = (run: string): string => `roadstead: v1
app: evil
services:
  web:
    run: ${run}
    env:
      EVIL: '${line('env')}'
      BASH_ENV: '${line('bash-env')}'
    health:
      exec: [node, -e, '0', '${line('exec')}']
      every: 200ms
`
      const unquoted = anApp('unquoted', manifest(`node server.js ${line('unquoted')}`))
      const refused = await again.run('deploy', '--file', unquoted)
      expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('has no shell')])

      const folder = anApp('evil', manifest(`[node, server.js, '${line('run')}']`))
      const version = `$(touch ${join(trap, 'version')})`
      const deployed = await again.run('deploy', '--file', folder, '--version', version)
      expect([deployed.code, deployed.output]).toEqual([0, expect.any(String)])
      const { items } = await again.get<{ items: InstanceView[] }>('/v1/instances?app=evil')
      const pid = items.find(({ observed }) => observed?.pid)?.observed?.pid
      // The line came through as it was written, in one piece of text: nobody has read it.
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      expect(environment).toContain(`EVIL=${line('env')}`)
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('$(touch')
      await again.run('logs', 'evil')
      await again.run('scale', `evil/$(touch ${join(trap, 'scale')})`, '2')
      expect(readdirSync(trap)).toEqual([])

      // The trap itself works: a shell would have left the file.
      execFileSync('/bin/sh', ['-c', `: ${line('proof')}`])
      expect(existsSync(join(trap, 'proof'))).toBe(true)
    } finally {
      await again.remove()
    }
  })
})
