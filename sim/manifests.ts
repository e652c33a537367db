import { inlineManifestReader } from '../src/drivers/manifests/inline-reader.ts'
import type { ManifestReader } from '../src/parts/apps/driver.ts'

/** Manifests that are remembered; then all are forgotten. */
const rememberedMax = 1_000

const remembered = new Map<string, ReturnType<ManifestReader['read']>>()

/**
 * Reads each manifest once, however many servers and worlds ask: what one says follows from its
 * text alone, and people in a world deploy few of them again and again.
 */
export const rememberingReader: ManifestReader = {
  read(input, at) {
    const key = JSON.stringify([input, at])
    const known = remembered.get(key)
    if (known !== undefined) return known
    if (remembered.size >= rememberedMax) remembered.clear()
    const read = inlineManifestReader.read(input, at)
    remembered.set(key, read)
    return read
  },
  explain: (texts, cell) => inlineManifestReader.explain(texts, cell),
}
