/**
 * 600 agents in one process that speak the real protocol over HTTP and run nothing: what they are
 * told to run is ready at once. For the server it is the same as 600 machines.
 *
 *   node bench/lib/cheap-agents.ts SERVER_URL TOKEN NODES
 */
import { Agent, request } from 'undici'
import type { ObservedInstance } from '../../src/parts/instances/model.ts'
import { reportIntervalMs } from '../../src/parts/nodes/model.ts'
import type { Assignment } from '../../src/wire/agent.ts'
import { nodeName, nodeOf } from './cell.ts'

const [server = '', token = '', nodes = '600'] = process.argv.slice(2)
const waitMs = 25_000
/** Every agent has two connections, as the real one. */
const dispatcher = new Agent({ connections: 2 * Number(nodes), bodyTimeout: 0, headersTimeout: 0 })

await Promise.all(Array.from({ length: Number(nodes) }, (_none, index) => live(index)))

async function live(index: number): Promise<void> {
  const { capacity, ports, labels, zone, address } = nodeOf(index)
  const nodeId = nodeName(index)
  const incarnation = `cheap-${index}`
  const body = {
    protocol: 2,
    incarnation,
    version: 'bench',
    zone,
    address,
    capacity,
    ports,
    labels,
  }
  while ((await call('POST', `${nodeId}/register`, body)).status !== 200) await sleep(1_000)
  const known = new Map<string, ObservedInstance>()
  let news: ObservedInstance[] = []
  let sequence = 0
  let full = true
  const report = async (): Promise<void> => {
    const instances = full ? [...known.values()] : news
    news = []
    const told = { incarnation, sequence: ++sequence, portsTaken: [], full, instances }
    const answer = await call('POST', `${nodeId}/report`, told)
    full = answer.status !== 200 || (answer.body as { full: boolean }).full
  }
  void follow(nodeId, (assignment) => {
    news.push(...changesOf(known, assignment))
    return report()
  })
  await sleep(Math.random() * reportIntervalMs)
  for (;;) {
    await report()
    await sleep(reportIntervalMs)
  }
}

async function follow(
  nodeId: string,
  take: (assignment: Assignment) => Promise<void>,
): Promise<void> {
  for (let after = 0; ;) {
    const { status, body } = await call(
      'GET',
      `${nodeId}/assignment?after=${after}&waitMs=${waitMs}`,
    )
    if (status !== 200) {
      if (status !== 204) await sleep(1_000)
      continue
    }
    after = (body as Assignment).revision
    await take(body as Assignment)
  }
}

/** What is new since the assignment before. */
function changesOf(
  known: Map<string, ObservedInstance>,
  { instances }: Assignment,
): ObservedInstance[] {
  const changes: ObservedInstance[] = []
  for (const { instanceId, desired, artifact } of instances) {
    const state = desired === 'running' ? 'ready' : 'exited'
    if (known.get(instanceId)?.state === state) continue
    const observed: ObservedInstance = {
      instanceId,
      state,
      because: 'its checks pass',
      since: Date.now(),
      artifact: artifact.digest,
      runs: 1,
      pid: 1,
      lastExit: null,
      warmedUp: null,
    }
    known.set(instanceId, observed)
    changes.push(observed)
  }
  const assigned = new Set(instances.map(({ instanceId }) => instanceId))
  for (const id of known.keys()) if (!assigned.has(id)) known.delete(id)
  return changes
}

async function call(
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const answer = await request(`${server}/v1/agents/${path}`, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, body: text === '' ? undefined : JSON.parse(text) }
  } catch {
    return { status: 0, body: undefined }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
