import type { Command } from 'commander'
import { systemClock, type Clock } from '../base/clock.ts'
import { systemRandom } from '../base/random.ts'
import type { Cell } from '../parts/tenants/model.ts'
import type { ApiClient } from './api/client.ts'
import { resolveSettings, type GlobalOptions, type Settings } from './api/settings.ts'

/** What a command works with: who it speaks to, where, and in which form it answers. */
export interface Context {
  readonly settings: Settings
  readonly client: ApiClient
  readonly cell: Cell
  /** Answer with the API's data instead of tables. */
  readonly json: boolean
  readonly clock: Clock
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal
}

/** How long a server that does not answer is asked again, in ms. */
const patience = {
  /** Its supervisor starts it again: within 2 s, a loaded machine taken into account. */
  supervisedMs: 5_000,
  /** Nobody is known to: a short hitch is forgiven, then it is said. */
  otherwiseMs: 300,
} as const

/** While following something, a longer outage than a restart is sat out too, in ms. */
const followPatienceMs = 60_000

/** Opens what a command needs from its own and the program's options. */
export async function openContext(
  command: Command,
  options: { readonly patienceMs?: number } = {},
): Promise<Context> {
  const settings = settingsOf(command)
  const usual = settings.isSupervised ? patience.supervisedMs : patience.otherwiseMs
  return contextOf(settings, options.patienceMs ?? usual)
}

/** The same, of settings that no command's options gave. */
export async function contextOf(settings: Settings, patienceMs: number): Promise<Context> {
  return {
    settings,
    client: await openClient(settings, patienceMs),
    cell: settings.cell,
    json: settings.json,
    clock: systemClock,
    signal: interruption(),
  }
}

/** The same, once there was an answer and something is followed: an outage is sat out. */
export async function patiently(context: Context): Promise<Context> {
  return { ...context, client: await openClient(context.settings, followPatienceMs) }
}

/** The global options of a command, resolved. */
export function settingsOf(command: Command): Settings {
  return settingsIn(command.optsWithGlobals<GlobalOptions>())
}

/** The global options, resolved against the environment and the folder in which we are. */
export function settingsIn(options: GlobalOptions): Settings {
  return resolveSettings(options, process.env, process.cwd())
}

async function openClient(settings: Settings, patienceMs: number): Promise<ApiClient> {
  const [{ ApiClient }, { Transport }, { readToken }] = await Promise.all([
    import('./api/client.ts'),
    import('./api/transport.ts'),
    import('./api/settings.ts'),
  ])
  const { server } = settings
  const token = readToken(settings)
  const transport = new Transport({
    server,
    token,
    clock: systemClock,
    random: systemRandom,
    patienceMs,
  })
  return new ApiClient(transport)
}

let interrupted: AbortSignal | undefined

/** Aborts at the first Ctrl-C or SIGTERM, so that a command can say where things stand. */
function interruption(): AbortSignal {
  if (interrupted !== undefined) return interrupted
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  process.once('SIGINT', abort)
  process.once('SIGTERM', abort)
  interrupted = controller.signal
  return interrupted
}
