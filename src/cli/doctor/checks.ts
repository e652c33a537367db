import { agentProtocol } from '../../wire/agent-protocol.ts'
import { bytesText, countText, durationText, pluralText } from '../terminal/format.ts'
import type { Facts, ServerFacts } from './facts.ts'

/** What one check found: all is well, worth a look, or wrong. */
export interface Finding {
  readonly check: string
  readonly is: 'ok' | 'warn' | 'fail'
  /** One sentence: what was seen. */
  readonly seen: string
  /** What to do; only where something is not well. */
  readonly advice?: string
}

type Check = (facts: Facts) => readonly Finding[]

/** Less free disk than this and the store stops taking writes soon, in bytes. */
const freeBytes = { warn: 2 * 1024 ** 3, fail: 200 * 1024 ** 2 } as const
/** Each instance keeps a few files, each artifact thousands. */
const freeInodesMin = 50_000
/** 600 agents hold two connections each, and the store a handful of files. */
const openFilesMin = 4_096
/** People compare times of two machines; certificates and schedules do, too. */
const skewMsMax = 2_000
/** A bound that is this full will be reached: time to ask why. */
const fullShare = 0.8
/** A rollout that is under way for longer than its deadlines allow, in ms. */
const rolloutMsMax = 60 * 60_000

const there = (facts: Facts): Extract<ServerFacts, { is: 'there' }> | undefined =>
  facts.server.is === 'there' ? facts.server : undefined

/** Every check, in the order in which a person would go about it. */
const checks: readonly Check[] = [
  checkNode,
  checkZones,
  checkOpenFiles,
  checkData,
  checkTokens,
  checkServer,
  checkVersion,
  checkClock,
  checkNodes,
  checkAgents,
  checkPorts,
  checkBounds,
  checkRollouts,
  checkJobs,
]

/** Looks at everything; what cannot be looked at without a server is left out. */
export function examine(facts: Facts): Finding[] {
  return checks.flatMap((check) => check(facts))
}

function checkNode({ nodeVersion }: Facts): Finding[] {
  const major = Number(/^v?(\d+)/.exec(nodeVersion)?.[1])
  if (major >= 24) return [ok('node.js', `${nodeVersion} runs this program`)]
  const advice = 'start it by `npx roadstead` or bin/roadstead.js, which bring Node.js 24 along'
  return [{ check: 'node.js', is: 'fail', seen: `${nodeVersion} is too old`, advice }]
}

function checkZones({ knowsZones }: Facts): Finding[] {
  if (knowsZones) return [ok('time zones', 'schedules of all zones can be computed')]
  const advice = 'this Node.js was built without full ICU data: use the one that npm brings'
  return [{ check: 'time zones', is: 'fail', seen: 'Europe/Prague is not known', advice }]
}

function checkOpenFiles({ openFilesMax }: Facts): Finding[] {
  if (openFilesMax === undefined) return []
  if (openFilesMax >= openFilesMin) {
    return [ok('open files', `${countText(openFilesMax)} may be open at once`)]
  }
  const advice = `raise it to ${countText(openFilesMin)} at least (ulimit -n, LimitNOFILE)`
  return [{ check: 'open files', is: 'warn', seen: `only ${openFilesMax} may be open`, advice }]
}

function checkData({ data }: Facts): Finding[] {
  if (data === undefined) return []
  const { folder } = data
  if (!data.exists) {
    const advice = 'nothing ran here yet, or name another with --data'
    return [{ check: 'data', is: 'warn', seen: `there is no ${folder}`, advice }]
  }
  const found: Finding[] = []
  if ((data.mode & 0o077) !== 0) {
    const seen = `${folder} is open to others (mode ${data.mode.toString(8)})`
    found.push({ check: 'data', is: 'warn', seen, advice: `chmod 700 ${folder}` })
  }
  const free = `${bytesText(data.freeBytes)} are free for ${folder}`
  const advice = 'make room: writes are refused on a full disk, and resume by themselves'
  if (data.freeBytes < freeBytes.fail) found.push({ check: 'disk', is: 'fail', seen: free, advice })
  else if (data.freeBytes < freeBytes.warn) {
    found.push({ check: 'disk', is: 'warn', seen: free, advice })
  } else found.push(ok('disk', free))
  if (data.freeInodes < freeInodesMin) {
    const seen = `only ${countText(data.freeInodes)} more files fit on that disk`
    found.push({
      check: 'disk',
      is: 'warn',
      seen,
      advice: 'remove small files, or take another disk',
    })
  }
  return found
}

function checkTokens({ data }: Facts): Finding[] {
  if (data?.exists !== true) return []
  return data.tokens.map(({ name, mode }): Finding => {
    const check = 'tokens'
    if (mode === undefined) {
      const advice = 'run this as the user that runs the server, or copy the token'
      return { check, is: 'warn', seen: `the token of ${name} cannot be read`, advice }
    }
    if ((mode & 0o077) === 0) return ok(check, `that of ${name} is its owner's alone`)
    const seen = `that of ${name} can be read by others (mode ${mode.toString(8)})`
    return { check, is: 'fail', seen, advice: `chmod 600 ${data.folder}/tokens/${name}` }
  })
}

function checkServer({ server }: Facts): Finding[] {
  const check = 'server'
  if (server.is === 'there') {
    return [ok(check, `${server.url} answers in ${durationText(server.answeredInMs)}`)]
  }
  const advice =
    server.is === 'refused'
      ? 'name another token with --token-file'
      : 'start it (`roadstead up`), or name another with --server; instances run on without it: `roadstead local`'
  return [{ check, is: 'fail', seen: `${server.url}: ${server.because}`, advice }]
}

function checkVersion(facts: Facts): Finding[] {
  const server = there(facts)
  if (server === undefined) return []
  const { version } = facts
  if (server.version === version)
    return [ok('version', `the server is ${version}, as this command`)]
  const seen = `the server is ${server.version}, this command ${version}`
  return [{ check: 'version', is: 'warn', seen, advice: 'use the same on both sides' }]
}

function checkClock(facts: Facts): Finding[] {
  const server = there(facts)
  if (server === undefined) return []
  const skew = Math.abs(server.skewMs)
  const way = server.skewMs > 0 ? 'ahead of' : 'behind'
  if (skew <= skewMsMax + server.answeredInMs) {
    return [ok('clocks', "the server's agrees with this machine's")]
  }
  const seen = `the server's is ${durationText(skew)} ${way} this machine's`
  return [{ check: 'clocks', is: 'warn', seen, advice: 'let NTP keep both: schedules go by them' }]
}

function checkNodes(facts: Facts): Finding[] {
  const server = there(facts)
  if (server === undefined) return []
  const { nodes } = server
  if (nodes.length === 0) {
    const advice = 'start an agent: roadstead agent --server …'
    return [{ check: 'nodes', is: 'fail', seen: 'there is none', advice }]
  }
  const silent = nodes.filter(({ status }) => status !== 'ready')
  if (silent.length === 0) return [ok('nodes', `${pluralText(nodes.length, 'node')}, all heard`)]
  return silent.map(({ id, heardAt }): Finding => {
    const since =
      heardAt === null ? 'never heard by this server' : durationText(facts.now - heardAt)
    const seen = heardAt === null ? `${id} was ${since}` : `${id} is silent for ${since}`
    const advice = `look at its agent; is the machine off for good: roadstead nodes give-up ${id}`
    return { check: 'nodes', is: 'fail', seen, advice }
  })
}

function checkAgents(facts: Facts): Finding[] {
  const server = there(facts)
  const old = (server?.nodes ?? []).filter(({ protocol }) => (protocol ?? 1) < agentProtocol.newest)
  if (old.length === 0) return []
  const names = old.map(({ id }) => id).join(', ')
  const seen = `older agents run on ${names}`
  const advice = 'update them: singletons get no lease there, and exec does not work'
  return [{ check: 'agents', is: 'warn', seen, advice }]
}

function checkPorts(facts: Facts): Finding[] {
  const server = there(facts)
  return (server?.nodes ?? []).flatMap(({ id, ports, reserved }): Finding[] => {
    const all = ports.to - ports.from + 1
    if (reserved.instances < all * fullShare) return []
    const seen = `${reserved.instances} of ${all} ports of ${id} are given away`
    const advice = 'give its agent a larger range with --ports'
    return [{ check: 'ports', is: 'warn', seen, advice }]
  })
}

function checkBounds(facts: Facts): Finding[] {
  const server = there(facts)
  if (server === undefined) return []
  const found = server.bounds.flatMap(({ name, used, limit, lost, overflow, says }): Finding[] => {
    if (lost > 0) {
      const seen = `${name}: ${countText(lost)} were lost to its limit of ${countText(limit)}`
      return [{ check: 'bounds', is: 'warn', seen, advice: says }]
    }
    // A history is full for good once it has been filled.
    if (overflow === 'drops-oldest' || used < limit * fullShare) return []
    const seen = `${name} is ${Math.round((used / limit) * 100)} % full`
    return [{ check: 'bounds', is: used >= limit ? 'fail' : 'warn', seen, advice: says }]
  })
  if (found.length > 0) return found
  return [ok('bounds', `${server.bounds.length} queues and histories, none near its limit`)]
}

function checkRollouts(facts: Facts): Finding[] {
  const server = there(facts)
  if (server === undefined) return []
  const stuck = server.rollouts.filter(
    ({ endedAt, startedAt }) =>
      endedAt === null && startedAt !== null && facts.now - startedAt > rolloutMsMax,
  )
  if (stuck.length === 0) return [ok('rollouts', 'none is stuck')]
  return stuck.map(({ id, at, startedAt, because }): Finding => {
    const seen = `${id} of ${at.app} is under way for ${durationText(facts.now - (startedAt ?? 0))}`
    return { check: 'rollouts', is: 'warn', seen, advice: `${because} (roadstead rollout ${id})` }
  })
}

function checkJobs(facts: Facts): Finding[] {
  const late = (there(facts)?.jobs ?? []).filter(({ lateSince }) => lateSince !== null)
  return late.map(({ at, spec, lateSince }): Finding => {
    const since = durationText(facts.now - (lateSince ?? facts.now))
    const advice = `roadstead runs shows why; roadstead run ${at.app}/${spec.name} runs it now`
    return {
      check: 'jobs',
      is: 'warn',
      seen: `${at.app}/${spec.name} is late for ${since}`,
      advice,
    }
  })
}

function ok(check: string, seen: string): Finding {
  return { check, is: 'ok', seen }
}
