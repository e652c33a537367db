import { expect } from 'vitest'
import { anIngressReport, anObserved } from '../fixtures/records.ts'
import { errorIn, invalid, post, type Answer, type BadInput, type Expected } from './bad-input.ts'
import { idleIncarnation, idleNode, registration, type Target } from './target.ts'

/** What an agent or an ingress may say that is hostile, broken, of another node or of another time. */

const own = `/v1/agents/${idleNode}`
const { capacity } = registration

const report = {
  incarnation: idleIncarnation,
  sequence: 1,
  portsTaken: [],
  full: true,
  instances: [] as unknown[],
}

const unsupported: Expected = {
  status: 426,
  code: 'protocol-unsupported',
  details: { oldest: 1, newest: 2 },
}

export const agentProtocolInputs: readonly BadInput[] = [
  // Who speaks.
  {
    name: 'a report without a token',
    send: post(null, `${own}/report`, report),
    answer: { status: 401, code: 'token-missing' },
  },
  {
    name: 'a report under a foreign token',
    send: (target) =>
      target.call(null, 'POST', `${own}/report`, {
        body: report,
        headers: { authorization: `Bearer rst_${'f'.repeat(43)}` },
      }),
    answer: { status: 401, code: 'token-invalid' },
  },
  ...(['operator', 'ingress'] as const).map((role) => ({
    name: `a report under the token of an ${role}`,
    send: post(role, `${own}/report`, report),
    answer: { status: 403, code: 'role-refused' },
  })),
  {
    name: 'a scaling under the token of an agent',
    send: post('agent', '/v1/cells/local/default/apps/shop/scale', {
      service: 'web',
      instances: 0,
    }),
    answer: { status: 403, code: 'role-refused' },
  },

  // Versions.
  ...[99, 3, 0, -1].map((protocol) => ({
    name: `a registration in protocol ${protocol}`,
    send: post('agent', '/v1/agents/node-9/register', { protocol, anything: true }),
    answer: unsupported,
    after: unknownNode,
  })),
  {
    name: 'a registration in protocol 1.5',
    send: post('agent', '/v1/agents/node-9/register', { ...registration, protocol: 1.5 }),
    answer: invalid('/body/protocol'),
  },
  {
    name: 'a registration in an older protocol, which works',
    send: post('agent', `/v1/agents/${idleNode}/register`, { ...registration, protocol: 1 }),
    answer: { status: 200 },
  },

  // Registrations.
  registered('capacity 1e308', { capacity: { ...capacity, cpu: 1e308 } }, 422),
  registered('an infinite capacity', JSON.stringify(registration).replace('0.001', '1e400'), 400),
  registered('memory of 2^53', { capacity: { ...capacity, memoryBytes: 2 ** 53 } }, 422),
  registered('a disk below zero', { capacity: { ...capacity, diskBytes: -1 } }, 400),
  registered('no capacity', { capacity: null }, 400),
  registered('ports the wrong way round', { ports: { from: 2, to: 1 } }, 422),
  registered('port 0', { ports: { from: 0, to: 1 } }, 400),
  registered('port 70000', { ports: { from: 1, to: 70_000 } }, 400),
  registered('an address that is a URL', { address: 'evil.example/x?' }, 422),
  registered('an address with a line break', { address: 'a\r\nb' }, 422),
  registered('an incarnation of 1 kB', { incarnation: 'a'.repeat(1_000) }, 400),
  registered('a thousand labels', { labels: labels(1_000) }, 400),
  ...['..', 'a b', '-rf', '.hidden', 'a'.repeat(64), '%E2%80%AEnode'].map((nodeId) => ({
    name: `a registration of a node called ${nodeId}`,
    send: post('agent', `/v1/agents/${encoded(nodeId)}/register`, registration),
    answer:
      nodeId === '..' ? { status: 400, code: 'path-not-canonical' } : invalid('/params/nodeId'),
  })),

  // Reports.
  {
    name: 'a report of a node that has not registered',
    send: post('agent', '/v1/agents/node-404/report', report),
    answer: { status: 404, code: 'node-unknown' },
  },
  {
    name: 'a report of an older start of the node',
    send: reportOf({ incarnation: 'boot-0' }),
    answer: { status: 404, code: 'node-unregistered' },
  },
  {
    name: 'a report about another node’s instance',
    send: (target) =>
      reportOf({
        instances: [anObserved({ instanceId: target.instanceId, state: 'exited' })],
      })(target),
    answer: { status: 403, code: 'instance-foreign' },
    after: async (target) => {
      const [instance] = await target.instances()
      expect(instance?.observed?.state).toBe('ready')
    },
  },
  {
    name: 'a report about 100,000 instances',
    send: reportOf({
      instances: Array.from({ length: 100_000 }, (_, index) => ({ instanceId: `i-${index}` })),
    }),
    answer: invalid('/body/instances'),
  },
  {
    name: 'a report about 100,000 whole instances',
    send: (target) => {
      const instances = Array.from({ length: 100_000 }, (_, index) =>
        anObserved({ instanceId: `i-${index}` }),
      )
      return target.announce('agent', `${own}/report`, { ...report, instances })
    },
    answer: { status: 413, code: 'body-too-large' },
  },
  {
    name: 'a report about 9,000 instances, the last of them wrong',
    send: reportOf({
      instances: [
        ...Array.from({ length: 8_999 }, () => anObserved({ instanceId: 'i-none' })),
        anObserved({ runs: -1 }),
      ],
    }),
    answer: invalid('/body/instances/8999/runs'),
  },
  {
    name: 'a report about one instance 9,000 times',
    send: reportOf({
      instances: Array.from({ length: 9_000 }, () => anObserved({ instanceId: 'i-none' })),
    }),
    answer: { status: 200 },
  },
  {
    name: 'a report of 20 MB',
    send: (target) =>
      target.raw(target.head('POST', `${own}/report`, ['Content-Length: 20000000'], 'agent')),
    answer: { status: 413, code: 'body-too-large' },
  },
  {
    name: 'a report with an unknown state',
    send: reportOf({ instances: [{ ...anObserved(), state: 'happy' }] }),
    answer: invalid('/body/instances/0/state'),
  },
  {
    name: 'a report with a reason of 2 kB',
    send: reportOf({ instances: [anObserved({ because: 'x'.repeat(2_000) })] }),
    answer: invalid('/body/instances/0/because'),
  },
  {
    name: 'a report with runs below zero',
    send: reportOf({ instances: [anObserved({ runs: -1 })] }),
    answer: invalid('/body/instances/0/runs'),
  },
  {
    name: 'a report with a sequence below zero',
    send: reportOf({ sequence: -1 }),
    answer: invalid('/body/sequence'),
  },
  {
    name: 'a report with 21 findings',
    send: reportOf({ findings: Array.from({ length: 21 }, () => ({})) }),
    answer: invalid('/body/findings'),
  },
  {
    name: 'a report with a prototype in it',
    send: post('agent', `${own}/report`, '{"__proto__":{"full":true}}'),
    answer: { status: 400, code: 'json-invalid', path: '/body' },
  },

  // Logs.
  {
    name: 'log lines under another tenant’s name',
    send: (target) => logsOf(target, 'node-1', { tenant: 'victim' }),
    answer: { status: 403, code: 'instance-foreign' },
  },
  {
    name: 'log lines of another node’s instance',
    send: (target) => logsOf(target, idleNode, {}),
    answer: { status: 403, code: 'instance-foreign' },
    after: noForgedLines,
  },
  {
    name: 'log lines of an instance that there is not',
    send: (target) => logsOf(target, idleNode, {}, 'i-none'),
    answer: { status: 204 },
    after: noForgedLines,
  },

  // Long polls.
  ...['after=-1', 'waitMs=30001', 'waitMs=-1', 'waitMs=forever'].map((query) => ({
    name: `a long poll with ${query}`,
    send: (target: Target) => target.call('agent', 'GET', `${own}/assignment?${query}`),
    answer: invalid(`/query/${query.split('=')[0]}`),
  })),
  {
    name: 'a long poll of a node that has not registered',
    send: (target) => target.call('agent', 'GET', '/v1/agents/node-404/assignment'),
    answer: { status: 404, code: 'node-unknown' },
  },

  // The ingress.
  ingressSays('counts as texts', { series: [{ backendId: 'x', counters: '1' }] }),
  ingressSays('a sequence of 1.5', { sequence: 1.5 }, '/body/sequence'),
  ingressSays('leaving of texts', { leaving: { 'i-1': 'many' } }),
  ingressSays('no incarnation', { incarnation: undefined }),
]

function reportOf(parts: object): (target: Target) => Promise<Answer> {
  return post('agent', `${own}/report`, { ...report, ...parts })
}

function registered(what: string, change: object | string, status: number): BadInput {
  const body = typeof change === 'string' ? change : { ...registration, ...change }
  return {
    name: `a registration with ${what}`,
    send: post('agent', '/v1/agents/node-9/register', body),
    answer: { status, code: status === 400 ? 'input-invalid' : 'node-implausible' },
    after: unknownNode,
  }
}

async function unknownNode(target: Target): Promise<void> {
  expect((await target.call('operator', 'GET', '/v1/nodes')).text).not.toContain('node-9')
}

async function noForgedLines(target: Target): Promise<void> {
  const path = '/v1/logs?environment=local&tenant=default&app=shop'
  expect((await target.call('operator', 'GET', path)).text).not.toContain('forged')
}

function logsOf(
  target: Target,
  nodeId: string,
  at: object,
  instanceId = target.instanceId,
): Promise<Answer> {
  const batch = {
    instanceId,
    at: { tenant: 'default', environment: 'local', app: 'shop', ...at },
    service: 'web',
    releaseId: 'rel-1',
    offset: 0,
    lost: 0,
    lines: [{ at: 0, stream: 'stdout', text: 'forged' }],
  }
  return target.call('agent', 'POST', `/v1/agents/${nodeId}/logs`, { body: { batches: [batch] } })
}

function ingressSays(what: string, parts: object, path?: string): BadInput {
  return {
    name: `a report of an ingress with ${what}`,
    send: async (target) => {
      const body = { ...anIngressReport(), ...parts }
      const answer = await target.call('ingress', 'POST', '/v1/ingresses/ingress-9/report', {
        body,
      })
      expect(errorIn(answer)?.path).toMatch(/^\/body/)
      return answer
    },
    answer: invalid(path),
  }
}

function labels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, 'x']))
}

function encoded(nodeId: string): string {
  return nodeId.replaceAll(' ', '%20')
}
