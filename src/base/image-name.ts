/** The name of an OCI image, taken apart. */
export interface ImageName {
  /** Host and port: `registry.example:5000`; `docker.io` where the name says none. */
  readonly registry: string
  /** Within it: `shop/web`. */
  readonly repository: string
  /** Missing where only a digest is named; `latest` where neither is. */
  readonly tag?: string
  readonly digest?: string
}

/** Docker Hub, by the name that people know it by. */
export const dockerHub = 'docker.io'

/** As the OCI distribution specification has them. */
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const digestPattern = /^sha256:[0-9a-f]{64}$/
const registryPattern = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::\d{1,5})?$/i

/** Registries take no longer ones. */
const repositoryCharsMax = 255

/** Takes the name of an image apart; undefined when it is none. */
export function parseImageName(text: string): ImageName | undefined {
  const [named = '', digest, ...more] = text.split('@')
  if (more.length > 0 || (digest !== undefined && !digestPattern.test(digest))) return undefined
  const [first = '', ...rest] = named.split('/')
  // A first part with a dot or a port is a host: `library/web` is none, `localhost/web` is one.
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  const registry = hasRegistry ? first : dockerHub
  const path = hasRegistry ? rest.join('/') : named
  const colon = path.indexOf(':')
  const written = colon === -1 ? path : path.slice(0, colon)
  const tag = colon === -1 ? undefined : path.slice(colon + 1)
  const isOfficial = registry === dockerHub && !written.includes('/')
  const repository = isOfficial ? `library/${written}` : written
  if (!registryPattern.test(registry) || repository.length > repositoryCharsMax) return undefined
  if (!repository.split('/').every((part) => component.test(part))) return undefined
  if (tag !== undefined && !tagPattern.test(tag)) return undefined
  const wanted = tag ?? (digest === undefined ? 'latest' : undefined)
  return {
    registry,
    repository,
    ...(wanted === undefined ? {} : { tag: wanted }),
    ...(digest === undefined ? {} : { digest }),
  }
}
