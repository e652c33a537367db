/** The audit chain of a real cloud: sealed while it works, whole after kill -9, and guarded. */
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChainReport } from '../../src/parts/audit/plan-verify.ts'
import type { AuditPage, CheckpointAnswer } from '../../src/wire/audit.ts'
import type { HealthBody } from '../../src/wire/api.ts'
import { Cloud, until } from './cloud.ts'

const program = join(import.meta.dirname, '../../src/cli/main.ts')
const hello = join(import.meta.dirname, '../../examples/hello')

let cloud: Cloud
const after: Cloud[] = []
const segments = (data: string): string[] => readdirSync(join(data, 'server/audit')).toSorted()
const newestSegment = (data: string): string =>
  join(data, 'server/audit', segments(data).at(-1) ?? '')

async function verify(...options: string[]): Promise<{ code: number | null; report: ChainReport }> {
  const { code, output } = await cloud.run('audit', 'verify', '--json', ...options)
  return { code, report: JSON.parse(output) as ChainReport }
}

/** Without a server, as it lies in a folder. */
function verifyFiles(...options: string[]): { code: number | null; report: ChainReport } {
  const command = [program, 'audit', 'verify', '--json', ...options]
  const { status, stdout } = spawnSync(process.execPath, command, { encoding: 'utf8' })
  return { code: status, report: JSON.parse(stdout) as ChainReport }
}

/** Waits until all that is committed is sealed, and tells how much that is. */
async function sealed(): Promise<number> {
  const { revision } = await cloud.get<HealthBody>('/v1/health')
  await until(async () => {
    const { items } = await cloud.get<AuditPage>('/v1/audit/records?limit=1')
    return (items[0]?.revision ?? 0) >= revision
  }, 'all is sealed')
  return revision
}

beforeAll(async () => {
  cloud = new Cloud()
  await cloud.start()
  const deployed = await cloud.run('deploy', '--file', hello)
  if (deployed.code !== 0) throw new Error(deployed.output)
})

afterAll(async () => {
  for (const again of after) await again.remove()
  await cloud.remove()
})

describe('the audit chain', () => {
  it('seals each commit within a second or so, and can be read by who, what and key', async () => {
    const revision = await sealed()
    const { code, report } = await verify()
    expect([code, report.isGood]).toEqual([0, true])
    expect(report.last).toBeGreaterThanOrEqual(revision)
    expect(report.count).toBe(report.last)

    const { items } = await cloud.get<AuditPage>('/v1/audit/records?who=operator&what=app.')
    expect(items.map(({ what }) => what)).toEqual(['app.deploy'])
    const keys = await cloud.get<AuditPage>('/v1/audit/records?key=instance/&limit=2')
    expect(keys.items).toHaveLength(2)
    const older = await cloud.get<AuditPage>(
      `/v1/audit/records?key=instance/&limit=2&before=${keys.next}`,
    )
    expect(older.items[0]?.revision).toBeLessThan(keys.items[1]?.revision ?? 0)
    const listed = await cloud.run('audit', '--what', 'app.deploy')
    expect(listed.output).toContain('operator app.deploy:')
  })

  it('is exported whole, and verified from the file alone', async () => {
    const file = join(cloud.folder, 'audit.jsonl')
    const exported = await cloud.run('audit', 'export', file)
    expect([exported.code, exported.output]).toEqual([0, expect.stringContaining('records')])
    expect((await verify('--from', file)).report).toMatchObject({ isGood: true, first: 1 })
    const again = await cloud.run('audit', 'export', file)
    expect([again.code, again.output]).toEqual([1, expect.stringContaining('is there already')])
  })

  it('goes on without a gap or a fork when the server is killed, over and over', async () => {
    for (let round = 0; round < 3; round++) {
      await cloud.run('scale', 'hello/web', String(round + 1))
      process.kill(cloud.file.roles['server']?.pid ?? 0, 'SIGKILL')
      await until(
        () =>
          cloud.get('/v1/health').then(
            () => true,
            () => false,
          ),
        'it is back',
      )
    }
    await sealed()
    expect((await verify()).report).toMatchObject({ isGood: true })
  })

  it('is signed at the stop, by a key that only its owner can read', async () => {
    await cloud.stop()
    const { code, report } = verifyFiles('--data', cloud.data)
    expect([code, report.problem]).toEqual([0, undefined])
    expect(report.checkpoints).toBeGreaterThan(0)
    expect(statSync(join(cloud.data, 'server/audit-key.pem')).mode & 0o077).toBe(0)
  })

  it('shows a flipped bit, a cut, and what only a checkpoint knows', async () => {
    const copy = join(cloud.folder, 'copy')
    const fresh = (): string => {
      cpSync(cloud.data, copy, { recursive: true, force: true })
      return newestSegment(copy)
    }
    const file = fresh()
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    expect(lines.length).toBeGreaterThan(5)

    const bytes = readFileSync(file)
    const place = lines.slice(0, 4).join('\n').length + 30
    bytes[place] = (bytes[place] ?? 0) ^ 1
    writeFileSync(file, bytes)
    const flipped = verifyFiles('--data', copy)
    expect([flipped.code, flipped.report.problem]).toMatchObject([1, { revision: 5, line: 5 }])
    const told = spawnSync(process.execPath, [program, 'audit', 'verify', '--data', copy], {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    })
    expect([told.status, told.stdout]).toEqual([1, expect.stringContaining('at revision 5')])

    writeFileSync(fresh(), `${lines.toSpliced(3, 2).join('\n')}\n`)
    const cut = verifyFiles('--data', copy)
    expect(cut.report.problem).toMatchObject({ kind: 'cut', revision: 4 })

    writeFileSync(fresh(), `${lines.slice(0, -2).join('\n')}\n`)
    const shorter = verifyFiles('--from', join(copy, 'server/audit'))
    expect(shorter.report.isGood).toBe(true)
    const tail = verifyFiles('--data', copy)
    expect([tail.code, tail.report.problem]).toMatchObject([
      1,
      { kind: 'tail-cut', revision: lines.length - 1 },
    ])
  })

  it('shows its newest checkpoint to other machines', async () => {
    const again = new Cloud(cloud.data)
    after.push(again)
    await again.start()
    const { checkpoint, publicKey } = await cloud.get<CheckpointAnswer>('/v1/audit/checkpoint')
    expect(checkpoint?.count).toBe(checkpoint?.revision)
    expect(publicKey).toContain('BEGIN PUBLIC KEY')
    await sealed()
    expect((await verify()).report).toMatchObject({ isGood: true, checkpoints: 1 })
  })
})
