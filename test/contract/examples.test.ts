import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'

const smoke = join(import.meta.dirname, '../../examples/shop/tests/smoke.mjs')

async function run(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [smoke], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const code = new Promise<number | null>((resolve) => child.on('close', resolve))
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await code, said: out + err }
}

test('the shop’s test passes where the release changes nothing of what it tests', async () => {
  const { code, said } = await run({ ROADSTEAD_TARGET: 'http://127.0.0.1:1' })
  expect(code).toBe(0)
  expect(said).toContain('nothing of what is tested here has changed')
})

test('the shop’s test fails where a service that is named has nobody who answers', async () => {
  const nobody = createServer((_request, response) => response.writeHead(503).end())
  await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve))
  const { port } = nobody.address() as AddressInfo
  const { code, said } = await run({ ROADSTEAD_TARGET_CATALOGUE: `http://127.0.0.1:${port}` })
  nobody.close()
  expect(code).toBe(1)
  expect(said).toContain(`catalogue: http://127.0.0.1:${port}/healthz answers 503`)
})

test('the smallest example answers on its port, and ends when it is told to', async () => {
  const script = join(import.meta.dirname, '../../examples/hello/server.js')
  const env = { PORT: '0' }
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const base = `http://127.0.0.1:${/port (\d+)$/.exec(line)?.[1]}`
  expect((await fetch(`${base}/healthz`)).status).toBe(200)
  expect(await (await fetch(base)).text()).toBe('Hello from Roadstead\n')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})
