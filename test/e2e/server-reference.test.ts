import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderReference, type ApiDescription } from '../../scripts/api-reference.ts'
import { aRunningServer, type TestServer } from '../fixtures/running-server.ts'

let server: TestServer

beforeAll(async () => {
  server = await aRunningServer()
})
afterAll(() => server.stop())

describe('the API’s description', () => {
  test('is OpenAPI 3.1 with every route of the table', async () => {
    const response = await server.call(null, '/v1/openapi.json')
    const api = (await response.json()) as ApiDescription & { openapi: string }
    expect(api.openapi).toBe('3.1.0')
    const described = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const served = server.routes.map(
      ({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
    )
    expect(described.toSorted()).toEqual(served.toSorted())
  })

  test('is what docs/reference/api.md says', async () => {
    const response = await server.call(null, '/v1/openapi.json')
    const written = await readFile(join(import.meta.dirname, '../../docs/reference/api.md'), 'utf8')
    // When this fails: node scripts/generate-api-reference.ts
    expect(renderReference((await response.json()) as ApiDescription)).toBe(written)
  })

  test('can be tried out under /docs, which loads nothing from elsewhere', async () => {
    const page = await server.call(null, '/docs')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    const html = await page.text()
    expect(html).toContain('Swagger UI')
    expect(html).not.toMatch(/(src|href)="https?:/)
    const script = await server.call(null, '/docs/static/swagger-ui-bundle.js')
    expect(script.status).toBe(200)
  })
})

describe('the console', () => {
  test('says how it is built where it was not', async () => {
    const page = await server.call(null, '/')
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(await page.text()).toContain('npm run build')
    expect((await server.call(null, '/nothing')).status).toBe(404)
  })

  test('is served with its files, its pages, a strict policy, and no path out of it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'roadstead-console-'))
    await mkdir(join(directory, 'assets'))
    await writeFile(join(directory, 'index.html'), '<title>console</title>')
    await writeFile(join(directory, 'assets/app-1a2b.js'), 'let a')
    const own = await aRunningServer({ consoleDirectory: directory })
    const read = async (path: string, accept = 'text/html'): Promise<string> => {
      const answer = await own.call(null, path, { headers: { accept } })
      return `${answer.status} ${await answer.text()}`
    }
    expect(await read('/')).toBe('200 <title>console</title>')
    expect(await read('/rollouts/ro-1')).toBe('200 <title>console</title>')
    expect(await read('/assets/app-1a2b.js', '*/*')).toBe('200 let a')
    expect(await read('/assets/missing.js', '*/*')).toMatch(/^404 /)
    expect(await read('/rollouts/ro-1', '*/*')).toMatch(/^404 /)
    expect(await read('/v1/nothing')).toMatch(/^404 \{"error"/)
    expect(await read('/%2e%2e/package.json')).toMatch(/^(400|404) /)
    const page = await own.call(null, '/')
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    const asset = await own.call(null, '/assets/app-1a2b.js')
    expect(asset.headers.get('cache-control')).toContain('immutable')
    await own.stop()
    await rm(directory, { recursive: true })
  })
})
