import { digestOf, type Digest } from '../../base/digest.ts'
import { Refusal } from '../../base/errors.ts'
import { dockerHub, parseImageName, type ImageName } from '../../base/image-name.ts'
import type { ImageRegistry } from '../../parts/apps/driver.ts'
import { authorize } from './authorization.ts'
import { ask, failed, type Answer, type RegistryOptions } from './registry-call.ts'

/**
 * Asks registries what a name means, by the OCI distribution API: one HEAD of the manifest, and
 * a GET only where the answer does not name its digest. Nothing of an image is fetched here.
 */

/** One image, with all calls that it takes, in ms: a person waits for it. */
const resolveMsMax = 10_000

/** A list of images comes before an image: it is the same for every machine. */
const accepted = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** The API of Docker Hub answers under another name than people write. */
const hubHost = 'registry-1.docker.io'

export function openRegistry(options: RegistryOptions): ImageRegistry {
  return {
    async resolve(image) {
      const name = parseImageName(image)
      if (name === undefined) throw invalid(image)
      const late = new AbortController()
      const timer = options.clock.after(resolveMsMax, () => late.abort())
      try {
        return await digestNow(image, name, options, late.signal)
      } catch (error) {
        if (late.signal.aborted && !(error instanceof Refusal)) throw silent(image, name)
        throw error
      } finally {
        timer.cancel()
      }
    },
  }
}

async function digestNow(
  image: string,
  name: ImageName,
  options: RegistryOptions,
  signal: AbortSignal,
): Promise<Digest> {
  const { registry, repository, tag, digest: pinned } = name
  const url = `${originOf(registry, options.plain)}/v2/${repository}/manifests/${pinned ?? tag}`
  const call = async (method: 'HEAD' | 'GET', authorization?: string): Promise<Answer> => {
    const headers = { accept: accepted, ...(authorization === undefined ? {} : { authorization }) }
    return ask({ method, url, headers, registry, signal })
  }
  let authorization: string | undefined
  let answer = await call('HEAD')
  if (answer.status === 401) {
    authorization = await authorize({ name, answer, options, signal })
    answer = await call('HEAD', authorization)
  }
  const isNamed = answer.status === 200 && headerDigest(answer) !== undefined
  if (!isNamed && mayTellMore(answer)) answer = await call('GET', authorization)
  refuseUnless200(image, name, answer)
  return checkedDigest(image, answer, pinned)
}

/** Some registries answer no HEAD, or none with a digest. */
function mayTellMore({ status }: Answer): boolean {
  return status === 200 || status === 405 || status === 400
}

function headerDigest({ headers }: Answer): string | undefined {
  const digest = headers.get('docker-content-digest') ?? ''
  return /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined
}

/** What was sent has to be what its digest says, and what was asked for. */
function checkedDigest(image: string, answer: Answer, pinned: string | undefined): Digest {
  const said = headerDigest(answer)
  const digest = answer.body.length > 0 ? digestOf(answer.body) : said
  if (digest === undefined) throw failed(image, 'it names no digest')
  const others = [said, pinned].filter((other) => other !== undefined && other !== digest)
  if (others.length === 0) return digest
  throw new Refusal('digest-mismatch', `the registry has ${digest} under ${image}`, {
    status: 422,
    hint: 'somebody changed it: push the image again, and deploy what that push said',
    details: { digest, expected: others[0] },
  })
}

function refuseUnless200(image: string, name: ImageName, { status }: Answer): void {
  const { registry } = name
  switch (status) {
    case 200:
      return
    case 404:
      throw new Refusal('image-unknown', `there is no image ${image}`, {
        status: 422,
        hint: `push it first, or correct its name; ${registry} has none of that name and tag`,
      })
    case 401:
    case 403:
      throw unauthorized(image, name)
    default:
      throw failed(image, `${registry} answered ${status}`)
  }
}

function unauthorized(image: string, { registry }: ImageName): Refusal {
  return new Refusal('registry-unauthorized', `${registry} does not let us read ${image}`, {
    status: 422,
    hint: `give server and agents credentials for ${registry}: --registry-config; or there is no such image`,
  })
}

function silent(image: string, { registry }: ImageName): Refusal {
  const seconds = resolveMsMax / 1_000
  return new Refusal(
    'registry-silent',
    `${registry} did not say within ${seconds} s what ${image} is`,
    {
      status: 424,
      hint: `look whether ${registry} can be reached from the server, and deploy again`,
    },
  )
}

function invalid(image: string): Refusal {
  return new Refusal('image-invalid', `${image} is not the name of an image`, {
    status: 422,
    hint: 'write it as registry.example/shop/web:v2, in lower case, without https:// or user',
  })
}

/** Loopback never leaves the machine; all others speak TLS unless an operator says otherwise. */
function originOf(registry: string, plain: readonly string[] = []): string {
  if (registry === dockerHub) return `https://${hubHost}`
  const [host = ''] = registry.split(':')
  const isLoopback = host === 'localhost' || /^127(\.\d{1,3}){3}$/.test(host)
  return `${isLoopback || plain.includes(registry) ? 'http' : 'https'}://${registry}`
}
