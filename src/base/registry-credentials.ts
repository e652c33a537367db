import { readFile } from 'node:fs/promises'
import { Refusal, systemCodeOf } from './errors.ts'
import { dockerHub } from './image-name.ts'
import { SecretRef } from './secret-ref.ts'

/** How a registry knows whoever pulls from it. */
export interface RegistryCredentials {
  readonly user: string
  readonly password: SecretRef
}

/** The credentials for a registry, by its host and port; undefined: it is asked without any. */
export type CredentialsOf = (registry: string) => Promise<RegistryCredentials | undefined>

/** A file of credentials is far smaller. */
const fileCharsMax = 1_048_576

/** Under this name `docker login` keeps those for Docker Hub. */
const hubKey = 'https://index.docker.io/v1/'

/** Without a file every registry is asked without credentials. */
export const noCredentials: CredentialsOf = () => Promise.resolve(undefined)

/**
 * Credentials from a file in the form of Docker's `config.json` (`auths`), read again for every
 * use, so that a rotated password needs no restart. Refusal `registry-config-invalid`, which says
 * nothing of what is in the file.
 */
export function credentialsFrom(file: string): CredentialsOf {
  return async (registry) => {
    const auths = await readAuths(file)
    const keys = [registry, `https://${registry}`, `http://${registry}`]
    if (registry === dockerHub) keys.push(hubKey)
    const found = keys.find((key) => Object.hasOwn(auths, key))
    return found === undefined ? undefined : credentialsIn(auths[found], registry, file)
  }
}

async function readAuths(file: string): Promise<Record<string, unknown>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw invalid(file, `cannot be read (${systemCodeOf(error) ?? 'unknown'})`)
  }
  if (text.length > fileCharsMax) throw invalid(file, 'is longer than 1 MiB')
  const parsed = parsedJson(text)
  if (!isObject(parsed)) throw invalid(file, 'is no JSON object')
  const { auths = {} } = parsed
  if (!isObject(auths)) throw invalid(file, 'has an `auths` that is no object')
  return auths
}

/** The parser's own message would quote the file. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function credentialsIn(
  entry: unknown,
  registry: string,
  file: string,
): RegistryCredentials | undefined {
  if (!isObject(entry)) throw invalid(file, `has an entry for ${registry} that is no object`)
  const { auth, username, password } = entry
  const name = `registry/${registry}`
  if (typeof username === 'string' && typeof password === 'string') {
    return { user: username, password: new SecretRef(name, password) }
  }
  if (typeof auth !== 'string' || auth === '') return undefined
  const decoded = Buffer.from(auth, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 1) throw invalid(file, `has an \`auth\` for ${registry} that is no user:password`)
  return {
    user: decoded.slice(0, colon),
    password: new SecretRef(name, decoded.slice(colon + 1)),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function invalid(file: string, what: string): Refusal {
  return new Refusal('registry-config-invalid', `${file} ${what}`, {
    status: 424,
    hint: 'it has the form of ~/.docker/config.json: {"auths":{"HOST":{"auth":"base64(user:password)"}}}',
  })
}
