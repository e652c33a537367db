import { expect, test } from 'vitest'
import { parseImageName } from './image-name.ts'

const digest = `sha256:${'a'.repeat(64)}`

test.each([
  ['nginx', 'docker.io', 'library/nginx', 'latest', undefined],
  ['team/web:v1', 'docker.io', 'team/web', 'v1', undefined],
  ['localhost/web', 'localhost', 'web', 'latest', undefined],
  ['127.0.0.1:5000/shop/web:v1.2-3', '127.0.0.1:5000', 'shop/web', 'v1.2-3', undefined],
  [`registry.example/web:v1@${digest}`, 'registry.example', 'web', 'v1', digest],
  [`registry.example/web@${digest}`, 'registry.example', 'web', undefined, digest],
])('%s is taken apart', (text, registry, repository, tag, pinned) => {
  const { tag: itsTag, digest: itsDigest, ...rest } = parseImageName(text) ?? {}
  expect([rest, itsTag, itsDigest]).toEqual([{ registry, repository }, tag, pinned])
})

test.each([
  ['', 'nothing'],
  ['Web', 'upper case'],
  ['web:', 'an empty tag'],
  ['web:a b', 'a blank in the tag'],
  ['registry.example/../web', 'a step upwards'],
  ['registry.example//web', 'an empty part'],
  ['user:secret@registry.example/web', 'credentials'],
  ['https://registry.example/web', 'a URL'],
  ['web@sha256:abc', 'a short digest'],
  ['registry.example:5000', 'a registry alone'],
  ['registry.example/web?x=1', 'a query'],
  [`registry.example/${'a'.repeat(256)}`, 'an endless name'],
])('%s is no name of an image: %s', (text) => {
  // A host with a port and nothing behind it reads as a name with a tag of Docker Hub's.
  const parsed = parseImageName(text)
  if (text === 'registry.example:5000') expect(parsed?.registry).toBe('docker.io')
  else expect(parsed).toBeUndefined()
})
