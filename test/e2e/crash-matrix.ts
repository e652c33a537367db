import { request } from 'undici'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import {
  rolloutTable,
  type RolloutState,
  type RolloutStep,
} from '../../src/parts/rollouts/model.ts'
import type { InstanceView, RolloutView } from '../../src/wire/api.ts'
import { Cloud, until } from './cloud.ts'
import { CrashApp, instancesWanted, readOr } from './crash-app.ts'
import { Customers, type FailedRequest } from './customers.ts'

/**
 * The crash matrix: kill -9 of each role, of an instance that customers use and of one that is being
 * made ready, at every state of a rollout and every step of its way forward.
 *
 * Whatever died, the rollout ends, exactly the wanted instances run, and no request fails but those
 * that were on what was killed.
 */

const cloud = new Cloud()
let app: CrashApp
let customers: Customers

/** `haproxy`: the process that an ingress drives. */
export type Victim = 'server' | 'agent' | 'ingress' | 'haproxy' | 'predecessor' | 'successor'

/** A moment of a rollout that the app can be held at. */
interface Moment {
  readonly state: RolloutState
  readonly step?: RolloutStep['kind']
  /** Brings a rollout there; answers its id. */
  arrive(): Promise<string>
  /** How the rollout ends once the gates are open. */
  readonly ends: RolloutState
}

const moments: readonly Moment[] = [
  {
    state: 'queued',
    ends: 'done',
    async arrive() {
      app.close('test')
      await at(await deploy(), 'running', 'test')
      const second = await deploy()
      return at(second, 'queued')
    },
  },
  {
    state: 'running',
    step: 'migrate',
    ends: 'done',
    async arrive() {
      app.close('migrate')
      return at(await deploy(), 'running', 'migrate')
    },
  },
  {
    state: 'running',
    step: 'maintenance',
    ends: 'done',
    async arrive() {
      app.close('start')
      return at(await deploy(), 'running', 'maintenance', 1)
    },
  },
  {
    state: 'running',
    step: 'test',
    ends: 'done',
    async arrive() {
      app.close('test')
      return at(await deploy(), 'running', 'test', 1)
    },
  },
  {
    state: 'running',
    step: 'online',
    ends: 'done',
    async arrive() {
      app.close('slow')
      customers.askSlowly(instancesWanted * 3)
      return at(await deploy(), 'running', 'online', 1)
    },
  },
  {
    state: 'running',
    step: 'judge',
    ends: 'done',
    async arrive() {
      return at(await deployJudged(), 'running', 'judge', 1)
    },
  },
  {
    state: 'running',
    step: 'remaining',
    ends: 'done',
    async arrive() {
      return at(await deploy(), 'running', 'remaining', 1)
    },
  },
  {
    state: 'reverting',
    ends: 'reverted',
    async arrive() {
      app.close('fail')
      app.close('stop')
      return at(await deploy(), 'reverting')
    },
  },
  {
    state: 'done',
    ends: 'done',
    async arrive() {
      return at(await deploy(), 'done')
    },
  },
  {
    state: 'reverted',
    ends: 'reverted',
    async arrive() {
      app.close('fail')
      return at(await deploy(), 'reverted')
    },
  },
  {
    state: 'cancelled',
    ends: 'cancelled',
    async arrive() {
      app.close('test')
      await at(await deploy(), 'running', 'test')
      const second = await at(await deploy(), 'queued')
      const path = `/v1/cells/local/default/apps/crash/rollouts/${second}/cancel`
      expect((await cloud.request('POST', path)).status).toBe(202)
      return at(second, 'cancelled')
    },
  },
  {
    state: 'superseded',
    ends: 'superseded',
    async arrive() {
      app.close('test')
      const first = await at(await deploy(), 'running', 'test')
      await deploy('--supersede')
      return at(first, 'superseded')
    },
  },
]

/** States that no crash test can hold a rollout at, each with its reason. */
const unreachable: Partial<Record<RolloutState, string>> = {
  failed: 'only a deadline of minutes leads there: the simulator has it, with the same planner',
}

/** Steps of the way forward; `revert` is the state `reverting`. */
const stepKinds: readonly RolloutStep['kind'][] = [
  'migrate',
  'maintenance',
  'test',
  'online',
  'judge',
  'remaining',
]

/** No instance is in maintenance at these: there is no successor to kill. */
const withoutSuccessor: readonly string[] = ['done', 'reverted', 'migrate']

/**
 * The matrix of some victims over the moments of a rollout, on a cloud of its own; all moments unless
 * some are named.
 */
export function crashMatrix(
  driver: 'builtin' | 'haproxy',
  victims: readonly Victim[],
  only?: readonly string[],
): void {
  const cells = moments
    .map((moment) => ({ moment, name: moment.step ?? moment.state }))
    .filter(({ name }) => only === undefined || only.includes(name))
    .flatMap((row) => victims.map((victim) => ({ ...row, victim })))
    .filter(({ victim, name }) => victim !== 'successor' || !withoutSuccessor.includes(name))
  beforeAll(async () => {
    // Its apps keep a journal in the test's own folder.
    await cloud.start(['--ingress', driver, '--isolation', 'off'])
    app = new CrashApp(cloud.folder)
    await ended(await deploy(), 'done')
  }, 120_000)
  afterAll(() => cloud.remove(), 90_000)
  afterEach(async () => {
    app.open('start', 'migrate', 'test', 'slow', 'stop', 'fail')
    await customers?.end()
  })

  describe('kill -9', { timeout: 90_000 }, () => {
    test.each(cells)('of the $victim while a rollout is at $name', async ({ victim, moment }) => {
      customers = new Customers(cloud.file.ingress, 'crash.localhost')
      customers.begin()
      const rolloutId = await moment.arrive()
      const killed = await kill(victim)
      // A test that finds no ingress has failed rightly; all else has to go on without what is dead.
      if (victim === 'ingress' || victim === 'haproxy') await killed.isBack()
      app.open('start', 'migrate', 'test', 'slow', 'stop')
      await killed.isBack()
      const over = await ended(rolloutId, moment.ends, victim)
      app.open('fail')
      await allAsWanted()
      await customers.end()
      expect(unexplained(customers.failed, killed)).toEqual([])
      expect(customers.answered).toBeGreaterThan(20)
      // Whatever died, no migration was through twice.
      expect(new Set(app.expanded()).size).toBe(app.expanded().length)
      expect(over.ledger.during?.sent ?? 0).toBeGreaterThanOrEqual(0)
    })
  })
}

/** Every state of the table is a row of the matrix, or says why it is none. */
export function everyStateIsARow(): void {
  const states = new Set(rolloutTable.transitions.flatMap(({ from, to }) => [from, to]))
  const rows = moments.map(({ state }) => state)
  expect(new Set([...rows, ...Object.keys(unreachable)])).toEqual(states)
  const steps = moments.flatMap(({ step }) => step ?? [])
  expect(steps).toEqual(stepKinds)
}

interface Killed {
  readonly victim: Victim
  /** Monotonic ms. */
  readonly at: number
  /** Resolves once a successor of what was killed works; then `backAt` is known. */
  isBack(): Promise<void>
  backAt: number
}

async function kill(victim: Victim): Promise<Killed> {
  const drove = haproxyWorker()
  if (victim === 'predecessor' || victim === 'successor') return killInstance(victim)
  if (victim === 'haproxy') return killHaproxy()
  const before = cloud.file.roles[victim]?.pid ?? 0
  process.kill(before, 'SIGKILL')
  const killed: Killed = {
    victim,
    at: systemClock.monotonic(),
    backAt: Infinity,
    async isBack() {
      await until(() => (cloud.file.roles[victim]?.pid ?? before) !== before, `${victim} is back`)
      if (victim === 'ingress') {
        // What it drove serves on until the next one has started its own.
        if (drove !== undefined) await until(() => haproxyWorker() !== undefined, 'HAProxy is back')
        await until(async () => (await page()) === 200, 'it answers')
      }
      killed.backAt = systemClock.monotonic()
    },
  }
  return killed
}

/** It dies under the customers; the ingress has to notice, and to start another. */
async function killHaproxy(): Promise<Killed> {
  const before = haproxyWorker()
  if (before === undefined) throw new Error('no HAProxy carries the requests')
  process.kill(before, 'SIGKILL')
  const killed: Killed = {
    victim: 'haproxy',
    at: systemClock.monotonic(),
    backAt: Infinity,
    async isBack() {
      await until(() => ![before, undefined].includes(haproxyWorker()), 'another HAProxy runs')
      await until(async () => (await page()) === 200, 'it answers')
      killed.backAt = systemClock.monotonic()
    },
  }
  return killed
}

/** The HAProxy that the ingress has started last. */
function haproxyWorker(): number | undefined {
  const isHaproxy = (pid: number): boolean => readOr(`/proc/${pid}/comm`).trim() === 'haproxy'
  return childrenOf(cloud.file.roles.ingress?.pid ?? 0).findLast(isHaproxy)
}

function childrenOf(pid: number): number[] {
  const list = readOr(`/proc/${pid}/task/${pid}/children`).trim()
  return list === '' ? [] : list.split(' ').map(Number)
}

async function killInstance(victim: 'predecessor' | 'successor'): Promise<Killed> {
  const pool = victim === 'predecessor' ? 'online' : 'maintenance'
  const all = (await instances()).toSorted((a, b) => a.createdAt - b.createdAt)
  // The oldest that customers use; the newest of all, whichever pool it has come to.
  const chosen =
    victim === 'predecessor'
      ? all.find((one) => one.pool === pool && pidOf(one) !== undefined)
      : all.findLast((one) => pidOf(one) !== undefined)
  const pid = chosen === undefined ? undefined : pidOf(chosen)
  if (pid !== undefined) killIfThere(pid)
  const killed: Killed = {
    victim,
    at: systemClock.monotonic(),
    backAt: systemClock.monotonic(),
    isBack: () => Promise.resolve(),
  }
  return killed
}

/** What was chosen may have ended by itself since: a rollout goes on while it is looked for. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Failed requests that the kill does not account for. */
function unexplained(failed: readonly FailedRequest[], killed: Killed): FailedRequest[] {
  return failed.filter((one) => {
    // What was under way on the killed, and what was on its way to it at that instant.
    if (killed.victim === 'predecessor' || killed.victim === 'successor') {
      return one.beganAt > killed.at + 50
    }
    if (killed.victim === 'ingress' || killed.victim === 'haproxy') {
      return one.endedAt < killed.at || one.beganAt > killed.backAt
    }
    return true
  })
}

function deploy(...options: string[]): Promise<string> {
  return deployAs(app.nextVersion(), options)
}

/** With a canary that is compared with the version before. */
function deployJudged(): Promise<string> {
  return deployAs(app.nextVersion(true), [])
}

async function deployAs(version: string, options: readonly string[]): Promise<string> {
  const before = await newestId()
  const how = ['--detach', '--version', version, '-f', app.folder, ...options]
  const { code, output } = await cloud.run('deploy', ...how)
  expect(output, `deploy of ${version}`).toContain('release')
  expect(code).toBe(0)
  const id = await newestId()
  expect(id).not.toBe(before)
  return id
}

async function newestId(): Promise<string> {
  const { items } = await cloud.get<{ items: RolloutView[] }>('/v1/rollouts?limit=1')
  return items[0]?.id ?? ''
}

function rollout(id: string): Promise<RolloutView> {
  return cloud.get(`/v1/cells/local/default/apps/crash/rollouts/${id}`)
}

/** Waits until the rollout stands there, with so many new processes; answers its id. */
async function at(
  id: string,
  state: RolloutState,
  step?: RolloutStep['kind'],
  successors = 0,
): Promise<string> {
  await until(
    async () => {
      const seen = await rollout(id)
      if (seen.state !== state) return false
      if (step !== undefined && stepOf(seen) !== step) return false
      const started = (await instances()).filter(
        (one) => one.releaseId === seen.releaseId && pidOf(one) !== undefined,
      )
      return started.length >= successors
    },
    `${id} is ${state} ${step ?? ''}`,
  )
  return id
}

function stepOf(seen: RolloutView): RolloutStep['kind'] | undefined {
  return seen.steps.find((step) => step.state === 'running')?.kind
}

/** Waits until the rollout is over, and checks how. */
async function ended(id: string, state: RolloutState, victim?: Victim): Promise<RolloutView> {
  await until(async () => (await rollout(id).catch(() => undefined))?.endedAt != null, `${id} ends`)
  const seen = await rollout(id)
  // What was killed costs what was under way on it, and `revertIf` may take the release back.
  // A test is never run twice: one whose start died with the agent may have begun, and counts as failed.
  const wasCutShort = victim === 'agent' && seen.because.includes('its start was cut short')
  const mayRevert = wasCutShort || ['predecessor', 'successor', 'haproxy'].includes(victim ?? '')
  const endings: RolloutState[] = mayRevert && state === 'done' ? [state, 'reverted'] : [state]
  expect(endings, seen.because).toContain(seen.state)
  return seen
}

/** Every rollout is over; so many instances are online and ready; nothing else runs. */
async function allAsWanted(): Promise<void> {
  await until(async () => {
    const { items } = await cloud.get<{ items: RolloutView[] }>('/v1/rollouts?limit=3')
    if (items.some(({ endedAt }) => endedAt === null)) return false
    const all = await instances()
    return (
      all.length === instancesWanted &&
      new Set(all.map(({ specDigest }) => specDigest)).size === 1 &&
      all.every(({ pool, observed }) => pool === 'online' && observed?.state === 'ready')
    )
  }, 'the wanted instances run')
  await until(
    () => app.processes().length === instancesWanted,
    'no process is left over and none is missing',
  )
}

async function instances(): Promise<InstanceView[]> {
  const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances?app=crash')
  return items.filter((one) => one.state !== 'ended' && one.purpose === 'service')
}

function pidOf({ observed }: InstanceView): number | undefined {
  return observed?.pid ?? undefined
}

/** The status that a customer's new connection is answered with; undefined: none. */
async function page(): Promise<number | undefined> {
  const url = new URL(cloud.file.ingress)
  const asked = request(url, { headers: { host: 'crash.localhost' }, reset: true })
  try {
    const { statusCode, body } = await asked
    await body.dump()
    return statusCode
  } catch {
    return undefined
  }
}
