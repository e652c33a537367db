import { expect, test } from 'vitest'
import { Refusal } from '../../base/errors.ts'
import { inlineManifestReader } from '../../drivers/manifests/inline-reader.ts'
import type { ImageRegistry } from './driver.ts'
import type { ManifestContent } from './manifest/release-content.ts'
import { withDigests } from './routes-images.ts'

const at = { tenant: 'default', environment: 'local', app: 'shop' }
const digest = `sha256:${'a'.repeat(64)}`

function contentOf(services: string): Promise<ManifestContent> {
  const manifest = `roadstead: v1\napp: shop\nservices:\n${services}`
  return inlineManifestReader.read({ manifest, artifacts: {}, files: null }, at)
}

function aRegistry(): ImageRegistry & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    resolve(image) {
      asked.push(image)
      if (!image.includes('none')) return Promise.resolve(digest)
      return Promise.reject(
        new Refusal('image-unknown', `no ${image}`, { status: 422, hint: 'push' }),
      )
    },
  }
}

test('each image is asked for once, with its version, and the digest is what is released', async () => {
  const registry = aRegistry()
  const content = await contentOf(
    '  web: { image: "r.example/web:{version}" }\n  two: { image: "r.example/web:{version}" }',
  )
  const { services } = await withDigests(content, 'v2', registry)
  expect(services.map(({ artifact }) => artifact)).toEqual([
    { image: 'r.example/web:v2', digest },
    { image: 'r.example/web:v2', digest },
  ])
  expect(registry.asked).toEqual(['r.example/web:v2'])
})

test('a deploy without a version is refused where an image needs one', async () => {
  const content = await contentOf('  web: { image: "r.example/web:{version}" }')
  const refused = withDigests(content, '', aRegistry())
  await expect(refused).rejects.toMatchObject({ code: 'version-missing', status: 422 })
})

test('what the registry refuses is told with its service and remedy', async () => {
  const content = await contentOf('  web: { image: r.example/none }')
  await expect(withDigests(content, '', aRegistry())).rejects.toMatchObject({
    code: 'image-unknown',
    message: 'web: no r.example/none',
    path: 'services.web.image',
    hint: 'push',
  })
})
