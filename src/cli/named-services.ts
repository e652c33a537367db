import type { Command } from 'commander'
import type { AppView, ServiceView } from '../wire/api.ts'
import { openContext, type Context } from './context.ts'

/** What `start` and `stop` are asked about: a whole app, or one service of it. */
export interface NamedServices {
  readonly context: Context
  readonly app: AppView
  /** Undefined: all of the app's. */
  readonly service: string | undefined
  /** As people write it: `shop`, or `shop/mailer`. */
  readonly full: string
  /** Of an app's services those that are meant. */
  readonly concerned: (services: readonly ServiceView[]) => readonly ServiceView[]
}

/** Finds out which services a name stands for; one that stands for none is refused. */
export async function openNamedServices(
  command: Command,
  name: string | undefined,
): Promise<NamedServices> {
  const context = await openContext(command)
  const { resolveAppOrService } = await import('./api/names.ts')
  const found = resolveAppOrService(name, await context.client.apps(), context.cell)
  const { app } = found
  const service = found.service?.name
  return {
    context,
    app,
    service,
    full: service === undefined ? app.at.app : `${app.at.app}/${service}`,
    concerned: (services) =>
      services.filter((candidate) => service === undefined || candidate.name === service),
  }
}
