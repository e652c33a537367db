import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Refusal, systemCodeOf } from '../../base/errors.ts'
import { SecretRef } from '../../base/secret-ref.ts'
import type { Cell } from '../../parts/tenants/model.ts'

/**
 * Where a command finds its server and its token: what it was told, then the environment, then the
 * data folder of the `roadstead up` that runs here or in a folder above.
 */

/** The options that every command takes. */
export interface GlobalOptions {
  readonly server?: string
  readonly tokenFile?: string
  /** `environment/tenant`. */
  readonly cell?: string
  readonly json?: boolean
}

/** What `roadstead up` notes in `<data>/up.json`, for itself at its next start and for the CLI. */
export interface UpFile {
  readonly pid: number
  /** The API's and the console's address. */
  readonly server: string
  /** The public ingress's address. */
  readonly ingress: string
  readonly serverPort: number
  readonly ingressPort: number
  /** Where private and admin routes are served; an `up` of the version before names none. */
  readonly privatePort?: number
  readonly adminPort?: number
  readonly listenerPorts: PortRange
  readonly instancePorts: PortRange
  /** Processes of the roles, so that a next start can wait for leftovers to end. */
  readonly roles: Readonly<Record<string, { readonly pid: number; readonly startTicks: string }>>
  /** Wall ms. */
  readonly startedAt: number
}

/** Ports from one to another, both ends included. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

/** Where a server listens when nobody says otherwise. */
const defaultServer = 'http://127.0.0.1:7070'

/** The folder that `roadstead up` keeps its data in, in the current folder. */
export const dataFolderName = '.roadstead'

/** What a command works with, once options, environment and data folder have been consulted. */
export interface Settings {
  readonly server: string
  readonly cell: Cell
  readonly json: boolean
  /** The token's file as it was found; undefined when there is none. */
  readonly tokenFile: string | undefined
  /** It was named by an option or the environment, so that it has to be there. */
  readonly isTokenFileNamed: boolean
  /** The token given by ROADSTEAD_TOKEN; it comes before any file but that of --token-file. */
  readonly token: SecretRef | undefined
  /** An `up` on this machine runs the server: when it does not answer, it soon will again. */
  readonly isSupervised: boolean
}

/** Resolves the global options against the environment and the nearest data folder. */
export function resolveSettings(
  options: GlobalOptions,
  environment: NodeJS.ProcessEnv,
  folder: string,
): Settings {
  const data = findDataFolder(environment, folder)
  const up = data === undefined ? undefined : readUpFile(data)
  const server = options.server ?? environment['ROADSTEAD_SERVER'] ?? up?.server ?? defaultServer
  const named = options.tokenFile ?? environment['ROADSTEAD_TOKEN_FILE']
  return {
    server: checkedServer(server),
    cell: parseCell(options.cell ?? environment['ROADSTEAD_CELL'] ?? 'local/default'),
    json: options.json ?? false,
    isSupervised: up !== undefined && server === up.server && isAlive(up.pid),
    token: options.tokenFile === undefined ? tokenIn(environment) : undefined,
    isTokenFileNamed: named !== undefined,
    tokenFile: named ?? (data === undefined ? undefined : join(data, 'tokens', 'operator')),
  }
}

/** The data folder in force: ROADSTEAD_DATA, or the nearest `.roadstead` from `folder` upwards. */
function findDataFolder(environment: NodeJS.ProcessEnv, folder: string): string | undefined {
  const named = environment['ROADSTEAD_DATA']
  if (named !== undefined && named !== '') return resolve(folder, named)
  for (let place = resolve(folder); ; place = dirname(place)) {
    const candidate = join(place, dataFolderName)
    if (existsSync(join(candidate, 'up.json'))) return candidate
    if (dirname(place) === place) return undefined
  }
}

/** The data folder's up.json; undefined when there is none, or none that can be read. */
export function readUpFile(dataFolder: string): UpFile | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(join(dataFolder, 'up.json'), 'utf8'))
    return isUpFile(content) ? content : undefined
  } catch {
    return undefined
  }
}

/** The bearer token; undefined when none was found, so that public routes still answer. */
export function readToken(settings: Settings): SecretRef | undefined {
  if (settings.token !== undefined) return settings.token
  if (settings.tokenFile === undefined) return undefined
  try {
    return new SecretRef('token', readFileSync(settings.tokenFile, 'utf8').trim())
  } catch (error) {
    const isMissing = systemCodeOf(error) === 'ENOENT'
    if (isMissing && !settings.isTokenFileNamed) return undefined
    const what = isMissing ? 'does not exist' : 'cannot be read'
    throw new Refusal('token-unreadable', `the token file ${settings.tokenFile} ${what}`, {
      hint: isMissing
        ? 'the server makes it in `<data>/tokens/` at its first start; see --token-file'
        : 'run as the user who started roadstead, or give another with --token-file',
    })
  }
}

function tokenIn(environment: NodeJS.ProcessEnv): SecretRef | undefined {
  const token = environment['ROADSTEAD_TOKEN']
  return token === undefined ? undefined : new SecretRef('token', token)
}

/** `environment/tenant` taken apart. */
export function parseCell(text: string): Cell {
  const [environment, tenant, ...rest] = text.split('/')
  if (!environment || !tenant || rest.length > 0) {
    throw new Refusal('cell-invalid', `"${text}" is no cell`, {
      hint: 'a cell is written environment/tenant, such as prod/cz or local/default',
      path: '--cell',
    })
  }
  return { environment, tenant }
}

function checkedServer(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text).origin
  throw new Refusal('server-invalid', `"${text}" is no server's address`, {
    hint: 'give it as http://HOST:PORT, such as http://127.0.0.1:7070',
    path: '--server',
  })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function isUpFile(content: unknown): content is UpFile {
  if (typeof content !== 'object' || content === null) return false
  const file = content as Partial<UpFile>
  return (
    Number.isInteger(file.pid) &&
    typeof file.server === 'string' &&
    isPort(file.serverPort) &&
    isPort(file.ingressPort) &&
    (file.privatePort === undefined || isPort(file.privatePort)) &&
    (file.adminPort === undefined || isPort(file.adminPort)) &&
    isRange(file.listenerPorts) &&
    isRange(file.instancePorts)
  )
}

function isRange(range: Partial<PortRange> | undefined): boolean {
  return isPort(range?.from) && isPort(range?.to)
}

function isPort(value: number | undefined): boolean {
  return value !== undefined && Number.isInteger(value) && value > 0 && value < 65_536
}
