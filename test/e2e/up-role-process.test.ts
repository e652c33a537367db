import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { identify, isRunning, type ProcessIdentity } from '../../src/cli/up/processes.ts'
import { lastLines, rotateRoleLog } from '../../src/cli/up/role-log.ts'
import { RoleProcess } from '../../src/cli/up/role-process.ts'

let folder: string
let roles: RoleProcess[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-role-'))
  roles = []
})

afterEach(async () => {
  for (const role of roles) role.kill()
  await Promise.all(roles.map((role) => role.stop('SIGKILL', 1_000)))
  rmSync(folder, { recursive: true, force: true })
})

/** A role that runs `script`, with what the supervisor heard of it. */
function aRole(script: string) {
  const starts: ProcessIdentity[] = []
  const deaths: string[] = []
  const file = join(folder, 'role.mjs')
  writeFileSync(file, script)
  const logFile = join(folder, 'role.log')
  const role = new RoleProcess({ name: 'agent', parameters: [file], logFile }, systemClock, {
    onStart: (_name, identity) => void (identity !== undefined && starts.push(identity)),
    onDeath: (_name, how) => void deaths.push(how),
  })
  roles.push(role)
  return { role, starts, deaths, logFile }
}

async function until(condition: () => boolean): Promise<void> {
  for (let look = 0; look < 3_000 && !condition(); look++) await systemClock.sleep(10)
  expect(condition()).toBe(true)
}

const idle = 'console.error("up"); setInterval(() => {}, 1000)'

test('a killed role is there again, with a new process', async () => {
  const { role, starts, deaths } = aRole(idle)
  role.start()
  await until(() => starts.length === 1)
  process.kill(starts[0]?.pid ?? 0, 'SIGKILL')
  await until(() => starts.length === 2)
  expect(deaths).toEqual(['SIGKILL'])
  expect(starts[1]?.pid).not.toBe(starts[0]?.pid)
})

test('a role that cannot run is tried again and again, ever more slowly', async () => {
  const { role, deaths } = aRole('process.exit(3)')
  role.start()
  await until(() => deaths.length >= 3)
  expect(deaths[0]).toBe('exit code 3')
  expect(role.deaths).toBeLessThan(8)
})

test('what a role prints is in its log, and its last words can be shown', async () => {
  const { role, logFile } = aRole(
    'console.log("one"); console.error("two"); setInterval(() => {}, 9)',
  )
  role.start()
  await until(() => lastLines(logFile, 2).length === 2)
  expect(lastLines(logFile, 1)).toEqual(['two'])
})

test('a stopped role is not started again', async () => {
  const { role, starts, deaths } = aRole(idle)
  role.start()
  await until(() => starts.length === 1)
  await role.stop('SIGTERM', 5_000)
  expect(starts.filter(isRunning)).toEqual([])
  expect(deaths).toEqual([])
})

test('a role that will not end is killed', async () => {
  const { role, starts, logFile } = aRole(`process.on('SIGTERM', () => {}); ${idle}`)
  role.start()
  await until(() => lastLines(logFile, 1).length === 1)
  await role.stop('SIGTERM', 100)
  expect(starts.filter(isRunning)).toEqual([])
})

test('a role has a process group of its own, so that Ctrl-C does not reach it', async () => {
  const { role, starts } = aRole(idle)
  role.start()
  await until(() => starts.length === 1)
  const pid = starts[0]?.pid ?? 0
  expect(() => process.kill(-pid, 0)).not.toThrow()
})

test('a process is known by its start, not by its pid alone', () => {
  const me = identify(process.pid)
  expect(me !== undefined && isRunning(me)).toBe(true)
  expect(isRunning({ pid: process.pid, startTicks: '1' })).toBe(false)
  expect(isRunning({ pid: 0, startTicks: '' })).toBe(false)
})

test('a log beyond its bound is moved aside, one old one is kept', () => {
  const file = join(folder, 'x.log')
  writeFileSync(file, 'x'.repeat(100))
  rotateRoleLog(file)
  expect(readFileSync(file, 'utf8')).toHaveLength(100)
  writeFileSync(file, 'y'.repeat(10 * 1024 * 1024 + 1))
  rotateRoleLog(file)
  expect(readFileSync(file, 'utf8')).toBe('')
  expect(readFileSync(`${file}.1`, 'utf8')).toHaveLength(10 * 1024 * 1024 + 1)
})
