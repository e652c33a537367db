import type { AgentOptions } from '../../src/agent/agent.ts'
import type { InstanceDriver } from '../../src/parts/instances/driver.ts'
import type { TableChange } from '../../src/parts/ingress/driver.ts'
import { withParts, type Mutant, type Mutation } from './mutation.ts'

/** Mutants of what agents and ingresses do. */

export const roleMutants: readonly Mutant[] = [
  {
    name: 'starts-twice',
    breaks: 'An agent starts every fifth instance a second time.',
    caughtBy: ['S8', 'S9'],
    mutation() {
      let starts = 0
      return driving((driver) => ({
        async start(launch) {
          const started = await driver.start(launch)
          return ++starts % 5 === 0 ? driver.start({ ...launch, run: launch.run + 1 }) : started
        },
      }))
    },
  },
  {
    name: 'boasts-of-its-size',
    breaks: 'An agent tells the server, and itself, that its machine is four times as large.',
    caughtBy: ['S2'],
    mutation: () => ({
      agent: (options) => ({
        ...options,
        capacity: {
          ...options.capacity,
          cpu: options.capacity.cpu * 4,
          memoryBytes: options.capacity.memoryBytes * 4,
        },
      }),
    }),
  },
  {
    name: 'no-tombstones',
    breaks: 'An agent that starts again remembers neither what runs nor what has ended.',
    caughtBy: ['S8', 'S16'],
    mutation: () => ({
      agent: (options) => ({
        ...options,
        disk: withParts(options.disk, {
          read: async (path) =>
            path.endsWith('ended.json') || path.includes('/records/')
              ? undefined
              : options.disk.read(path),
        }),
      }),
    }),
  },
  {
    name: 'stops-without-a-server',
    breaks: 'An agent that does not reach a server takes it that nothing is to run.',
    caughtBy: ['S16'],
    mutation: () => ({
      agent(options) {
        let hasGivenUp = false
        return {
          ...options,
          client: withParts(options.client, {
            async assignment(after, waitMs, signal) {
              try {
                return await options.client.assignment(after, waitMs, signal)
              } catch (error) {
                hasGivenUp = !hasGivenUp
                if (signal.aborted || after === 0 || !hasGivenUp) throw error
                return { revision: after, instances: [] }
              }
            },
          }),
        }
      },
    }),
  },
  {
    name: 'orphans-run-on',
    breaks: 'An agent takes every fourth instance for gone without having ended it.',
    caughtBy: ['L4'],
    mutation: () => {
      let count = 0
      const spared = new Set<string>()
      return driving((driver) => ({
        async terminate(instanceId) {
          if (++count % 4 === 0) spared.add(instanceId)
          if (!spared.has(instanceId)) await driver.terminate(instanceId)
        },
        end: async (instanceId) =>
          spared.has(instanceId) ? { code: 0, signal: null, at: 0 } : driver.end(instanceId),
        discard: async (instanceId) => {
          if (!spared.has(instanceId)) await driver.discard(instanceId)
        },
      }))
    },
  },
  {
    name: 'leases-never-end',
    breaks: 'The watchdog of a singleton lets it run for an hour, whatever its lease.',
    caughtBy: ['S1'],
    mutation: () =>
      driving((driver) => ({
        start: (launch) =>
          driver.start(
            launch.leaseUntil === undefined
              ? launch
              : { ...launch, leaseUntil: launch.leaseUntil + 3_600_000 },
          ),
        renew: (instanceId, until) => driver.renew(instanceId, until + 3_600_000),
      })),
  },
  {
    name: 'hides-an-instance',
    breaks: 'At every seventh revision the routing table lacks one of several online instances.',
    caughtBy: ['S3'],
    mutation: () => ({
      backendOf: (backendOf) => (snapshot, at, service) => {
        const backend = backendOf(snapshot, at, service)
        const isHidden = snapshot.revision % 7 === 0 && (backend?.online.length ?? 0) > 1
        return backend === undefined || !isHidden
          ? backend
          : { ...backend, online: backend.online.slice(1) }
      },
    }),
  },
  {
    name: 'draining-stay-published',
    breaks: 'The routing table keeps instances online that drain.',
    caughtBy: ['S12'],
    mutation: () => ({
      ingress: (options) => {
        let published = new Map<string, TableChange['backends'][number]>()
        return {
          ...options,
          driver: withParts(options.driver, {
            apply(change) {
              const backends = change.backends.map((backend) => {
                const before = published.get(backend.id)?.online ?? []
                const kept = before.filter(
                  ({ instanceId }) => !backend.online.some((one) => one.instanceId === instanceId),
                )
                return { ...backend, online: [...backend.online, ...kept.slice(0, 1)] }
              })
              published = new Map([...published, ...backends.map((one) => [one.id, one] as const)])
              return options.driver.apply({ ...change, backends })
            },
          }),
        }
      },
    }),
  },
  {
    name: 'empty-table-applied',
    breaks: 'An ingress takes every tenth table to have nobody in it.',
    caughtBy: ['S12'],
    mutation: () => ({
      ingress(options) {
        let count = 0
        return {
          ...options,
          driver: withParts(options.driver, {
            apply(change) {
              if (++count % 10 !== 0) return options.driver.apply(change)
              const backends = change.backends.map((backend) => ({ ...backend, online: [] }))
              return options.driver.apply({ ...change, backends })
            },
          }),
        }
      },
    }),
  },
]

function driving(change: (driver: InstanceDriver) => Partial<InstanceDriver>): Mutation {
  return {
    agent: (options): AgentOptions => ({
      ...options,
      driver: withParts(options.driver, change(options.driver)),
    }),
  }
}
