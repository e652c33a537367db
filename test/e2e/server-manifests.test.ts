import { monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, expect, test } from 'vitest'
import { Bounds } from '../../src/base/bounds.ts'
import { systemClock } from '../../src/base/clock.ts'
import { inlineManifestReader } from '../../src/drivers/manifests/inline-reader.ts'
import { openThreadReader } from '../../src/drivers/manifests/thread-reader.ts'
import type { DeployInput } from '../../src/parts/apps/manifest/release-content.ts'

const at = { tenant: 'default', environment: 'local', app: 'shop' }

function aLargeManifest(services = 100): DeployInput {
  const lines = ['roadstead: v1', 'app: shop', 'services:']
  for (let service = 0; service < services; service++) {
    lines.push(`  svc-${service}:`, '    source: .', '    run: node server.js', '    env:')
    for (let name = 0; name < 60; name++) lines.push(`      VARIABLE_${name}: some text ${name}`)
  }
  const artifacts = { '.': { digest: `sha256:${'a'.repeat(64)}`, sizeBytes: 1 } }
  return { manifest: `${lines.join('\n')}\n`, artifacts, files: null }
}

describe('a large manifest', () => {
  test('is read without the loop that serves requests standing still', async () => {
    const reader = openThreadReader({ clock: systemClock })
    const input = aLargeManifest()
    expect(input.manifest.length).toBeGreaterThan(180_000)
    await reader.read(aLargeManifest(6), at)
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    await systemClock.sleep(20)
    delay.reset()
    const content = await reader.read(input, at)
    delay.disable()
    expect(content.services).toHaveLength(100)
    const startedAt = performance.now()
    await inlineManifestReader.read(input, at)
    // Beside what it takes on this loop, on this machine, as loaded as it is now.
    expect(delay.max / 1e6).toBeLessThan((performance.now() - startedAt) / 2)
  })

  test('takes along what its services mount', async () => {
    const reader = openThreadReader({ clock: systemClock })
    const input = aLargeManifest()
    const mounting = 'image: r.example/shop:1\n    mounts: { /etc/shop.conf: shop.conf }'
    const manifest = input.manifest.replace('source: .\n    run: node server.js', mounting)
    const artifact = { digest: `sha256:${'b'.repeat(64)}`, sizeBytes: 1 }
    const content = await reader.read({ ...input, manifest, mounts: { 'svc-0': artifact } }, at)
    expect(content.services[0]).toMatchObject({
      mounts: { artifact, paths: ['/etc/shop.conf'] },
    })
  })

  test('is explained by the thread with the same lines', async () => {
    const reader = openThreadReader({ clock: systemClock })
    const { manifest } = aLargeManifest()
    const cell = { environment: 'local', tenant: 'default' }
    const told = await reader.explain({ manifest }, cell)
    expect(told.lines.length).toBeGreaterThan(6_000)
    expect(told).toEqual(await inlineManifestReader.explain({ manifest }, cell))
    await expect(reader.explain({ manifest }, { ...cell, tenant: 'cz' })).rejects.toMatchObject({
      code: 'manifest-invalid',
      status: 422,
    })
  })

  test('with a fault is refused with the same words as a small one', async () => {
    const reader = openThreadReader({ clock: systemClock })
    const input = aLargeManifest()
    const broken = { ...input, manifest: input.manifest.replace('run: node', 'rn: node') }
    const error = await reader.read(broken, at).then(
      () => undefined,
      (refused: unknown) => refused,
    )
    expect(error).toMatchObject({ name: 'Refusal', code: 'manifest-invalid', status: 422 })
    expect(error).toMatchObject({ details: { faults: [expect.objectContaining({ line: 6 })] } })
  })

  test('beyond those that may wait is refused, and the bound shows it', async () => {
    const bounds = new Bounds()
    const reader = openThreadReader({ clock: systemClock, bounds })
    const input = aLargeManifest(10)
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => reader.read(input, at)))
    const refused = all.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(4)
    expect(refused[0]).toMatchObject({ reason: { code: 'manifest-busy', status: 429 } })
    expect(bounds.read()).toMatchObject([{ used: 0, lost: 4, limit: 16 }])
  })
})
