import { durationMs, durationWords, sizeBytes, sizeWords, textIn, within } from '../values.ts'
import type { ComposeService, Draft, Say } from './scene.ts'

/** How much, how many, and how it ends. */

/**
 * What a service gets that sets no limit: compose has none, a manifest always has one. Databases
 * start with so much memory, and a container that may write to its root unpacks things there.
 */
export const defaultLimits = { cpu: 0.5, memory: '512MiB', disk: '1GiB' } as const

const memoryBytesMin = 6 * 1024 ** 2
const memoryBytesMax = 4 * 1024 ** 4

export function convertResources(
  service: ComposeService,
  environment: ReadonlyMap<string, string>,
  draft: Draft,
  say: Say,
): void {
  convertCpu(service, draft, say)
  convertMemory(service, environment, draft, say)
  convertCount(service, draft, say)
  convertStop(service, draft, say)
}

/** The first of two ways to say a thing that the file uses. */
function saidAt(
  { node }: ComposeService,
  ...ways: string[]
): [way: string, text: string] | undefined {
  for (const way of ways) {
    const text = textIn(within(node, ...way.split('.')))
    if (text !== undefined) return [way, text]
  }
  return undefined
}

function convertCpu(service: ComposeService, draft: Draft, say: Say): void {
  const [way, text] = saidAt(service, 'deploy.resources.limits.cpus', 'cpus') ?? []
  if (way === undefined || text === undefined) return
  const cores = Number(text)
  if (!Number.isFinite(cores) || cores < 0) {
    say('fault', way, `\`${text}\` is no number of cores`, 'for instance 0.5')
    return
  }
  if (cores === 0) return say('dropped', way, 'no limit, as if it were not there')
  draft.cpu = Math.min(256, Math.max(0.01, Math.round(cores * 100) / 100))
  const isSame = draft.cpu === cores
  say(isSame ? 'carried' : 'changed', way, `\`cpu: ${draft.cpu}\``)
}

function convertMemory(
  service: ComposeService,
  environment: ReadonlyMap<string, string>,
  draft: Draft,
  say: Say,
): void {
  const [way, text] = saidAt(service, 'deploy.resources.limits.memory', 'mem_limit') ?? []
  if (way === undefined || text === undefined) return fitHeap(environment, draft, say)
  const bytes = sizeBytes(text)
  if (bytes === undefined) {
    say('fault', way, `\`${text}\` is no size`, 'for instance 512m')
    return
  }
  if (bytes === 0) return say('dropped', way, 'no limit, as if it were not there')
  draft.memory = sizeWords(Math.min(memoryBytesMax, Math.max(memoryBytesMin, bytes)))
  say('carried', way, `\`memory: ${draft.memory}\`, without swap`)
}

/** A Java program takes half as much again as its heap, and what it needs to start. */
function fitHeap(environment: ReadonlyMap<string, string>, draft: Draft, say: Say): void {
  const heaps = [...environment].flatMap(([name, value]) => {
    const [, heap] = /(?:^|\s)-Xmx(\d{1,9}[kmg])\b/i.exec(value) ?? []
    return heap === undefined ? [] : [{ name, heap, bytes: sizeBytes(heap) ?? 0 }]
  })
  const [largest] = heaps.toSorted((a, b) => b.bytes - a.bytes)
  if (largest === undefined) return
  const bytes = Math.min(memoryBytesMax, largest.bytes * 1.5 + 256 * 1024 ** 2)
  draft.memory = sizeWords(bytes)
  const said = `\`memory: ${draft.memory}\`, since its heap has ${largest.heap} (\`${largest.name}\`)`
  say('changed', `environment.${largest.name}`, said)
}

function convertCount(service: ComposeService, draft: Draft, say: Say): void {
  const [way, text] = saidAt(service, 'deploy.replicas', 'scale') ?? []
  if (way === undefined || text === undefined) return
  const count = Number(text)
  if (!Number.isInteger(count) || count < 0) {
    say('fault', way, `\`${text}\` is no number of instances`, 'for instance 2')
    return
  }
  if (count > 1_000) say('changed', way, '1,000 instances, which are the most')
  else say('carried', way, `\`instances: ${count}\``)
  if (count > 1) draft.instances = Math.min(1_000, count)
}

function convertStop(service: ComposeService, draft: Draft, say: Say): void {
  const grace = textIn(within(service.node, 'stop_grace_period'))
  if (grace !== undefined) {
    const ms = durationMs(grace)
    if (ms === undefined) {
      say('fault', 'stop_grace_period', `\`${grace}\` is no duration`, 'for instance 30s')
    } else {
      const bounded = Math.min(3_600_000, Math.max(1_000, ms))
      draft.stop = { grace: durationWords(bounded) }
      const isSame = bounded === ms
      say(
        isSame ? 'carried' : 'changed',
        'stop_grace_period',
        `\`stop.grace: ${draft.stop.grace}\``,
      )
    }
  }
  const signal = textIn(within(service.node, 'stop_signal'))
  if (signal === undefined) return
  if (/^(?:SIG)?TERM$|^15$/i.test(signal)) return say('carried', 'stop_signal', 'SIGTERM it is')
  const said = `it is ended by SIGTERM, and after \`stop.grace\` by SIGKILL, never by ${signal}`
  say('dropped', 'stop_signal', said, 'let the program end on SIGTERM')
}
