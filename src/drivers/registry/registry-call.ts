import type { Clock } from '../../base/clock.ts'
import { messageOf, Refusal } from '../../base/errors.ts'
import type { CredentialsOf } from '../../base/registry-credentials.ts'

export interface RegistryOptions {
  readonly clock: Clock
  readonly credentials: CredentialsOf
  /** Registries beside those of loopback that are spoken to by plain http: `host:port`. */
  readonly plain?: readonly string[]
}

export interface Call {
  readonly method: 'HEAD' | 'GET'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** For a sentence. */
  readonly registry: string
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Empty after a HEAD. */
  readonly body: Uint8Array
}

/** The distribution API lets a manifest have this many bytes; nothing longer is read. */
const bodyBytesMax = 4 * 1024 * 1024

/** One call; redirects are not followed, since credentials would go along. */
export async function ask(call: Call): Promise<Answer> {
  const { method, url, headers, registry, signal } = call
  try {
    const response = await fetch(url, { method, headers, signal, redirect: 'manual' })
    const body = await bodyOf(response, registry)
    return { status: response.status, headers: response.headers, body }
  } catch (error) {
    if (signal.aborted || error instanceof Refusal) throw error
    throw failed(registry, `it cannot be reached: ${causeOf(error)}`)
  }
}

/** The registry is there, and yet of no use. */
export function failed(what: string, why: string): Refusal {
  return new Refusal('registry-failed', `${what} could not be looked up: ${why}`, {
    status: 424,
    hint: 'look at the registry, and deploy again; plain http has to be allowed: --registry-http',
  })
}

async function bodyOf(response: Response, registry: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    const part = chunk as Uint8Array
    bytes += part.length
    if (bytes > bodyBytesMax) throw failed(registry, 'its answer is over 4 MiB')
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}

function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown }
  return messageOf(cause ?? error)
}
