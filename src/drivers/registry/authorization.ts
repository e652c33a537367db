import type { ImageName } from '../../base/image-name.ts'
import type { RegistryCredentials } from '../../base/registry-credentials.ts'
import { ask, failed, type Answer, type RegistryOptions } from './registry-call.ts'

/** What a registry that answered 401 wants to see; a token is fetched where it says so. */
export async function authorize(asked: {
  readonly name: ImageName
  readonly answer: Answer
  readonly options: RegistryOptions
  readonly signal: AbortSignal
}): Promise<string | undefined> {
  const { name, answer, options, signal } = asked
  const credentials = await options.credentials(name.registry)
  const basic = credentials === undefined ? undefined : basicOf(credentials)
  const challenge = answer.headers.get('www-authenticate') ?? ''
  if (/^basic\b/i.test(challenge)) return basic
  if (!/^bearer\b/i.test(challenge)) return undefined
  const url = tokenUrl(challenge, name, options.plain)
  const headers = basic === undefined ? {} : { authorization: basic }
  const { registry } = name
  const { status, body } = await ask({ method: 'GET', url, headers, registry, signal })
  // It says so of the manifest too, and that is told.
  if (status === 401 || status === 403) return undefined
  if (status !== 200) throw failed(registry, `its token service answered ${status}`)
  return `Bearer ${tokenIn(body, registry)}`
}

function basicOf({ user, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${user}:${password.reveal()}`).toString('base64')}`
}

/** Where the token is to be had, for reading this repository and nothing else. */
function tokenUrl(
  challenge: string,
  { registry, repository }: ImageName,
  plain: readonly string[] = [],
): string {
  const parameters = new Map<string, string>()
  for (const [, key = '', value = ''] of challenge.matchAll(/([a-z]+)="([^"]*)"/g)) {
    parameters.set(key, value)
  }
  const realm = parameters.get('realm') ?? ''
  if (!URL.canParse(realm)) throw failed(registry, 'it does not say where its tokens are')
  const url = new URL(realm)
  const isPlain = /^(localhost|127(\.\d{1,3}){3})$/.test(url.hostname) || plain.includes(url.host)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isPlain)) {
    throw failed(registry, 'it wants credentials sent in the clear')
  }
  const service = parameters.get('service')
  if (service !== undefined) url.searchParams.set('service', service)
  url.searchParams.set('scope', `repository:${repository}:pull`)
  return url.href
}

function tokenIn(body: Uint8Array, registry: string): string {
  try {
    const { token, access_token: other } = JSON.parse(Buffer.from(body).toString('utf8')) as {
      token?: unknown
      access_token?: unknown
    }
    const found = token ?? other
    // What goes into a header must not end it.
    if (typeof found === 'string' && /^[\x21-\x7e]{1,16384}$/.test(found)) return found
  } catch {
    // Its words are not told: they may be a secret.
  }
  throw failed(registry, 'its token service gave no token')
}
