import { expect, test } from 'vitest'
import { aRelease, aSpec } from '../../../test/fixtures/records.ts'
import { digestsOf } from './usage.ts'

test('a release refers to its services’ archives, what they mount, its files, and those whose assets it carries', () => {
  const artifactOf = (digest: string) => ({ digest, sizeBytes: 1 })
  const carried = { web: [{ artifact: artifactOf('earlier'), directory: 'dist', until: 0 }] }
  const mounts = { artifact: artifactOf('mounted'), paths: ['/etc/a'] }
  const services = [aSpec({ artifact: artifactOf('own'), mounts })]
  const release = aRelease({ services, files: artifactOf('files'), carried })
  expect(digestsOf(release)).toEqual(new Set(['own', 'mounted', 'files', 'earlier']))
})
