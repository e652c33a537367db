/** Who was refused is on record, and being refused cannot fill the log. */
import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { aRunningServer, type TestServer } from '../fixtures/running-server.ts'

let server: TestServer | undefined
afterEach(() => server?.stop())

async function refusalsOf({ state }: TestServer) {
  const entries = await state.log({ keyPrefix: 'refusal/', limit: 100 })
  return entries.map(({ who, what, why }) => ({ who, what, why }))
}

describe('refused access', () => {
  it('is on record within a second: wrong tokens, refused roles, failed log-ins', async () => {
    const clock = new VirtualClock()
    server = await aRunningServer({ clock })
    const wrong = { headers: { authorization: 'Bearer rst_wrong' } }
    expect((await server.call(null, '/v1/apps', wrong)).status).toBe(401)
    expect((await server.call(null, '/v1/apps', wrong)).status).toBe(401)
    expect((await server.call('viewer', '/v1/backup')).status).toBe(403)
    const login = { method: 'POST', body: JSON.stringify({ token: 'rst_no' }) }
    expect((await server.call(null, '/v1/session', login)).status).toBe(401)
    // Nobody has knocked wrongly: a request without a token is only told to bring one.
    expect((await server.call(null, '/v1/apps')).status).toBe(401)
    expect(await refusalsOf(server)).toEqual([])
    await clock.advance(1_000)
    await server.state.waitFor(server.state.snapshot.revision, 1_000)
    const [entry, ...more] = await refusalsOf(server)
    expect(more).toEqual([])
    expect(entry).toMatchObject({ who: 'server', what: 'access.refuse' })
    expect(entry?.why).toContain('4 refused: token-invalid from 127.0.0.1 (3 times)')
    expect(entry?.why).toContain('role-refused to viewer from 127.0.0.1')
    expect(JSON.stringify(await server.state.log({ limit: 100 }))).not.toContain('rst_')
  })
  it('is one commit a minute at the most, however often somebody tries', async () => {
    const clock = new VirtualClock()
    server = await aRunningServer({ clock })
    const wrong = { headers: { authorization: 'Bearer rst_wrong' } }
    await server.call(null, '/v1/apps', wrong)
    await clock.advance(1_000)
    for (let attempt = 0; attempt < 100; attempt++) await server.call(null, '/v1/apps', wrong)
    await clock.advance(59_000)
    expect(await refusalsOf(server)).toHaveLength(1)
    await clock.advance(1_000)
    const [, second, ...more] = await refusalsOf(server)
    expect(more).toEqual([])
    expect(second?.why).toMatch(/^100 refused: too-many-attempts from 127.0.0.1 \(7\d times\)/)
  })
})
