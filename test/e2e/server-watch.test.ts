import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { appAt, appKind, releaseKind } from '../../src/parts/apps/records.ts'
import { create, replace, type Write } from '../../src/store/port.ts'
import { anApp, anObserved, aRelease, shop } from '../fixtures/records.ts'
import { aRunningServer, type TestServer } from '../fixtures/running-server.ts'

let server: TestServer
const open: AbortController[] = []

beforeEach(async () => {
  server = await aRunningServer()
})
afterEach(async () => {
  for (const controller of open.splice(0)) controller.abort()
  await server.stop()
})

interface Event {
  readonly event: string
  readonly id: string | undefined
  readonly data: { kind?: string; key?: string; revision?: number; value?: unknown }
}

/** Opens a watch; `next` waits for one more event. */
async function watch(
  query = '',
  headers: Record<string, string> = {},
): Promise<{ next(): Promise<Event> }> {
  const controller = new AbortController()
  open.push(controller)
  const { signal } = controller
  const response = await server.call('viewer', `/v1/watch${query}`, { signal, headers })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n')
        const block = end === -1 ? undefined : text.slice(0, end)
        if (block === undefined) {
          const { value, done } = (await reader?.read()) ?? { done: true }
          if (done) throw new Error('the watch has ended')
          text += value
        } else {
          text = text.slice(end + 2)
          const event = eventOf(block)
          if (event !== undefined) return event
        }
      }
    },
  }
}

function eventOf(block: string): Event | undefined {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 2)]
    }),
  )
  const data = fields.get('data')
  if (data === undefined) return undefined
  return { event: fields.get('event') ?? '', id: fields.get('id'), data: JSON.parse(data) }
}

function commit(...writes: Write[]): Promise<number> {
  return server.state.commit({
    writes,
    attribution: { who: 'test', what: 'test.write', why: 'a test' },
  })
}

async function rename(team: string): Promise<number> {
  const entry = appAt(server.state.snapshot, shop)
  if (entry === undefined) throw new Error('no app')
  return commit(replace(appKind, entry, { ...entry.value, team }))
}

/** The agent of node-1 reports its one instance. */
function observe(sequence: number, because: string): void {
  server.observed.hearNode('node-1', {
    incarnation: 'boot',
    sequence,
    portsTaken: [],
    full: true,
    instances: [anObserved({ because })],
  })
}

describe('the watch', () => {
  test('tells each change with its revision, the commit’s last event alone with an id', async () => {
    const stream = await watch()
    const revision = await commit(create(appKind, anApp()), create(releaseKind, aRelease()))
    const first = await stream.next()
    const second = await stream.next()
    expect(first).toMatchObject({ event: 'change', data: { kind: 'app', revision } })
    expect(first.id).toBeUndefined()
    expect(second).toMatchObject({ data: { kind: 'release' }, id: String(revision) })
    expect(second.data.value).toMatchObject({ id: 'rel-1', number: 7 })
  })

  test('tells that a record was deleted by the value null', async () => {
    await commit(create(appKind, anApp()))
    const stream = await watch()
    const entry = appAt(server.state.snapshot, shop)
    await commit({ op: 'delete', key: entry?.key ?? ('' as never), expect: 'any' })
    expect((await stream.next()).data).toMatchObject({ kind: 'app', value: null })
  })

  test('resumes after a revision, each record once as it is now', async () => {
    const seen = await commit(create(appKind, anApp()))
    await rename('a')
    const last = await rename('b')
    for (const stream of [
      await watch(`?after=${seen}`),
      await watch('', { 'last-event-id': String(seen) }),
    ]) {
      expect(await stream.next()).toMatchObject({
        id: String(last),
        data: { value: { team: 'b' } },
      })
      await rename('c')
      expect((await stream.next()).data.value).toMatchObject({ team: 'c' })
      await rename('b')
    }
  })

  test('says reset when what came between is not known', async () => {
    for (const after of [0, 1_000_000]) {
      const event = await (await watch(`?after=${after}`)).next()
      expect(event).toMatchObject({ event: 'reset' })
      expect(event.id).toBe(String(server.state.snapshot.revision))
    }
  })

  test('tells only the kinds asked for', async () => {
    const stream = await watch('?kinds=release')
    await commit(create(appKind, anApp()), create(releaseKind, aRelease()))
    expect((await stream.next()).data.kind).toBe('release')
  })

  test('never tells of tokens and sessions', async () => {
    const stream = await watch()
    await server.call(null, '/v1/session', {
      method: 'POST',
      body: JSON.stringify({ token: server.tokens.operator }),
    })
    await commit(create(appKind, anApp()))
    expect((await stream.next()).data.kind).toBe('app')
  })

  test('tells what agents observe, repeated observations together', async () => {
    const stream = await watch()
    for (let sequence = 1; sequence <= 10; sequence++) observe(sequence, `check ${sequence}`)
    const event = await stream.next()
    expect(event).toMatchObject({
      event: 'observed',
      data: { instanceId: 'i-1', observed: { because: 'check 10' } },
    })
    expect(event.id).toBeUndefined()
  })
})
