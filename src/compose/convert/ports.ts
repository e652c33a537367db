import { childOf, itemsOf, type Node, type Place } from '../../parts/apps/manifest/tree.ts'
import { textIn, textsIn, within } from '../values.ts'
import { findersOf, type ComposeService, type Draft, type Say, type Scene } from './scene.ts'

/** Ports: the one that a service listens at, and the route that leads there. */

/** A published port, taken apart. */
interface Published {
  readonly where: { readonly key: string; readonly place: Place }
  /** As the file spells it. */
  readonly text: string
  /** Inside of the container: the first of a range. */
  readonly target: number
  readonly isRange: boolean
  readonly protocol: string
  readonly hostIp: string
  readonly isHttp: boolean
}

/** Nobody asks these but who works on the program. */
const debuggers = 'a debugger'

/** Ports at which something else than HTTP is spoken, by habit. */
const otherProtocols: Readonly<Record<number, string>> = {
  22: 'SSH',
  25: 'SMTP',
  53: 'DNS',
  389: 'LDAP',
  443: 'TLS',
  465: 'SMTP',
  587: 'SMTP',
  636: 'LDAP',
  993: 'IMAP',
  1025: 'SMTP',
  1433: 'SQL Server',
  1521: 'Oracle',
  1883: 'MQTT',
  2181: 'ZooKeeper',
  2379: 'etcd',
  3306: 'MySQL',
  4222: 'NATS',
  5005: debuggers,
  5044: 'Beats',
  5432: 'PostgreSQL',
  5671: 'AMQP',
  5672: 'AMQP',
  6379: 'Redis',
  7687: 'Bolt',
  8443: 'TLS',
  8883: 'MQTT',
  9042: 'Cassandra',
  9092: 'Kafka',
  9229: debuggers,
  9230: debuggers,
  9300: "Elasticsearch's own protocol",
  11211: 'memcached',
  26257: 'CockroachDB',
  27017: 'MongoDB',
  33060: 'MySQL',
}

/** Ports of images that everybody knows; used where nothing else says one. */
const knownPorts: readonly (readonly [image: RegExp, port: number])[] = [
  [/(?:^|\/)(?:postgres|postgis|timescaledb)(?:$|[:@-])/, 5432],
  [/(?:^|\/)(?:mysql|mariadb|percona)(?:$|[:@-])/, 3306],
  [/(?:^|\/)(?:redis|valkey|redismod|redis-stack-server)(?:$|[:@-])/, 6379],
  [/(?:^|\/)mongo(?:$|[:@-])/, 27017],
  [/(?:^|\/)memcached(?:$|[:@-])/, 11211],
  [/(?:^|\/)rabbitmq(?:$|[:@-])/, 5672],
  [/(?:^|\/)(?:nats)(?:$|[:@-])/, 4222],
  [/(?:^|\/)elasticsearch(?:$|[:@-])/, 9200],
]

/** Chooses the port and the route; what else is published is told. */
export function convertPorts(scene: Scene, service: ComposeService, draft: Draft, say: Say): void {
  const published = publishedPorts(service, say)
  const web = routedPort(published)
  if (web !== undefined) route(web, service, draft, say)
  const isFound = web === undefined || findersOf(scene, service).length > 0
  const reached = (port: string): string =>
    isFound
      ? `services of this app reach ${service.key}:${port}`
      : 'no service of this file asks it'
  for (const port of published) {
    if (port !== web) tellUnrouted(port, web, { isFound, reached }, say)
  }
  for (const [index, item] of itemsOf(within(service.node, 'expose')).entries()) {
    const where = { key: `expose.${index}`, place: item.place }
    say(isFound ? 'carried' : 'dropped', where, reached(textIn(item) ?? ''))
  }
  const found = web === undefined ? quietPort(scene, service, published) : undefined
  if (found !== undefined) {
    draft.port = found.port
    say('changed', '', `\`port: ${found.port}\`, ${found.because}`)
  }
  if (draft.port === undefined) {
    draft.worker = true
    const said = 'nothing says which port it listens at, so it is a `worker`: nothing checks a port'
    say('changed', '', said, 'if it listens, give `port` in place of `worker`')
  }
}

function publishedPorts(service: ComposeService, say: Say): Published[] {
  const found: Published[] = []
  for (const [index, item] of itemsOf(within(service.node, 'ports')).entries()) {
    const where = { key: `ports.${index}`, place: item.place }
    const port = item.kind === 'map' ? longPort(item, where) : shortPort(textIn(item) ?? '', where)
    if (port === undefined) {
      const hint = 'for instance "8080:80"'
      say('fault', where, `\`${textIn(item) ?? item.place.words}\` is no port`, hint)
    } else found.push(port)
  }
  return found
}

function shortPort(text: string, where: Published['where']): Published | undefined {
  const [, address = '', range = '', protocol = 'tcp'] =
    /^(?:(.*):)?(\d{1,5}(?:-\d{1,5})?)(?:\/([a-z]+))?$/.exec(text) ?? []
  const [, hostIp = ''] = /^(\[[0-9a-fA-F:]+\]|[\d.]*\.[\d.]*):/.exec(`${address}:`) ?? []
  return made({ where, text, range, protocol, hostIp, app: undefined })
}

function longPort(item: Node, where: Published['where']): Published | undefined {
  const range = textIn(childOf(item, 'target')) ?? ''
  const published = textIn(childOf(item, 'published'))
  return made({
    where,
    text: published === undefined ? range : `${published}:${range}`,
    range,
    protocol: textIn(childOf(item, 'protocol')) ?? 'tcp',
    hostIp: textIn(childOf(item, 'host_ip')) ?? '',
    app: textIn(childOf(item, 'app_protocol')),
  })
}

interface PortWords {
  readonly where: Published['where']
  readonly text: string
  readonly range: string
  readonly protocol: string
  readonly hostIp: string
  readonly app: string | undefined
}

function made({ where, text, range, protocol, hostIp, app }: PortWords): Published | undefined {
  const target = Number(range.split('-')[0])
  if (range === '' || !Number.isInteger(target) || target < 1 || target > 65_535) return undefined
  const seemsHttp =
    app === undefined ? !(target in otherProtocols) : /^https?$|^h2c?$|^ws$/.test(app)
  const isHttp = protocol === 'tcp' && seemsHttp && app !== 'https'
  return { where, text, target, isRange: range.includes('-'), protocol, hostIp, isHttp }
}

/** The first that seems to speak HTTP; one that the file keeps to its machine comes last. */
function routedPort(published: readonly Published[]): Published | undefined {
  // What answers UDP at the same port is seldom HTTP.
  const mixed = new Set(published.filter(({ protocol }) => protocol === 'udp').map(targetOf))
  const web = published.filter((port) => port.isHttp && !mixed.has(port.target))
  return web.find(({ hostIp }) => !isLoopback(hostIp)) ?? web[0]
}

function targetOf({ target }: Published): number {
  return target
}

function isLoopback(hostIp: string): boolean {
  return hostIp.startsWith('127.') || hostIp === '[::1]' || hostIp === '::1'
}

function route(port: Published, service: ComposeService, draft: Draft, say: Say): void {
  const host = `${service.key}.localhost`
  draft.port = port.target
  draft.route = isLoopback(port.hostIp) ? { host, expose: 'private' } : host
  const reach = isLoopback(port.hostIp) ? ', for the company alone (`expose: private`)' : ''
  const said = `\`port: ${port.target}\` behind \`route: ${host}\`${reach}: the ingress has the host's port`
  say('changed', port.where, said, 'give the route the host that customers ask for')
}

/** How services of the app get to ports that nothing outside does. */
interface Inside {
  readonly isFound: boolean
  readonly reached: (port: string) => string
}

function tellUnrouted(
  port: Published,
  web: Published | undefined,
  { isFound, reached }: Inside,
  say: Say,
): void {
  const { target, protocol, where, text } = port
  const isDebugger = otherProtocols[target] === debuggers
  const isMissed = !isDebugger && (protocol !== 'tcp' || !isFound)
  const shown = port.isRange ? text : `${target}${protocol === 'tcp' ? '' : `/${protocol}`}`
  const why =
    protocol !== 'tcp'
      ? `${protocol.toUpperCase()} is not published`
      : port.isHttp
        ? `a service has one port that routes lead to, which is ${web?.target ?? 'another'}`
        : `${otherProtocols[target] ?? 'what it speaks'} is not published, only HTTP is`
  const advice = 'whoever calls it from outside has to go another way'
  const outcome = isMissed ? 'open' : 'dropped'
  say(outcome, where, `${why}; ${reached(shown)}`, isMissed ? advice : '')
}

interface QuietPort {
  readonly port: number
  readonly because: string
}

/** The port of a service that no route leads to, from whatever tells it. */
function quietPort(
  { callers }: Scene,
  service: ComposeService,
  published: readonly Published[],
): QuietPort | undefined {
  const tcp = published.find(({ protocol }) => protocol === 'tcp')
  if (tcp !== undefined) return { port: tcp.target, because: 'since it is published' }
  const exposed = textsIn(within(service.node, 'expose')).map((text) => parseInt(text, 10))
  const first = exposed.find((port) => port > 0 && port <= 65_535)
  if (first !== undefined) return { port: first, because: 'since it is exposed' }
  const caller = callers.get(service.name)?.find(({ port = 0 }) => port > 0 && port <= 65_535)
  if (caller?.port !== undefined) {
    return { port: caller.port, because: `since \`${caller.name}\` calls it there` }
  }
  const image = textIn(within(service.node, 'image')) ?? ''
  const known = knownPorts.find(([pattern]) => pattern.test(image))?.[1]
  if (known === undefined) return undefined
  return { port: known, because: `which is where ${image} listens` }
}
