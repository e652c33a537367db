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
export const followPatienceMs = 60_000

/** Opens what a command needs from its own and the program's options. */
export async function openContext(
  command: Command,
  options: { readonly patienceMs?: number } = {},
): Promise<Context> {
  const [{ ApiClient }, { Transport }, { readToken }] = await Promise.all([
    import('./api/client.ts'),
    import('./api/transport.ts'),
    import('./api/settings.ts'),
  ])
  const settings = settingsOf(command)
  const usual = settings.isSupervised ? patience.supervisedMs : patience.otherwiseMs
  const transport = new Transport({
    server: settings.server,
    token: readToken(settings),
    clock: systemClock,
    random: systemRandom,
    patienceMs: options.patienceMs ?? usual,
  })
  return {
    settings,
    client: new ApiClient(transport),
    cell: settings.cell,
    json: settings.json,
    clock: systemClock,
    signal: interruption(),
  }
}

/** The global options of a command, resolved. */
export function settingsOf(command: Command): Settings {
  return resolveSettings(command.optsWithGlobals<GlobalOptions>(), process.env, process.cwd())
}

let interrupted: AbortSignal | undefined

/** Aborts at the first Ctrl-C or SIGTERM, so that a command can say where things stand. */
export function interruption(): AbortSignal {
  if (interrupted !== undefined) return interrupted
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  process.once('SIGINT', abort)
  process.once('SIGTERM', abort)
  interrupted = controller.signal
  return interrupted
}
