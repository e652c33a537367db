import type { AddressInfo } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { Fault, Refusal, systemCodeOf } from '../base/errors.ts'
import type { RouteDefinition } from '../wire/route.ts'
import { openCore, type CoreOptions } from './core.ts'
import { openHttp, type HttpKit } from './http-kit.ts'
import { WebPages } from './pages.ts'

export interface ServerOptions extends CoreOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly consoleDirectory: string
}

export interface RunningServer {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:7070`. */
  readonly url: string
  /** All routes that it answers by, with their rules. */
  readonly routes: readonly RouteDefinition[]
  /** Ends polls and streams, lets requests under way end, then the control loops. */
  stop(): Promise<void>
}

/** Requests under way get this long to end when the server stops, in ms. */
const stopGraceMs = 5_000

/** Starts the API, the console and the control loops; resolves when it answers. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { clock, log, version, consoleDirectory } = options
  const core = openCore(options, () => pages.openApi())
  const { routes } = core
  const pages = new WebPages({ routes, version, consoleDirectory })
  const http = openHttp({ ...options, ...core, pages })
  const { port } = await listen(http.app, options)
  core.start()
  const url = `${options.scheme}://${urlHost(options.listen.host)}:${port}`
  log.info('server listens', { url })
  return {
    host: options.listen.host,
    port,
    url,
    routes,
    async stop() {
      await endHttp(http, clock)
      await core.stop()
    },
  }
}

async function listen(
  app: HttpKit['app'],
  { listen: { host, port } }: ServerOptions,
): Promise<AddressInfo> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    if (systemCodeOf(cause) !== 'EADDRINUSE') {
      throw new Fault('listen-failed', `the server cannot listen on ${host}:${port}`, {
        cause,
        retry: 'never',
      })
    }
    throw new Refusal('port-taken', `port ${port} on ${host} is taken by another process`, {
      status: 409,
      hint: 'give another with --port, or end the process that holds it',
      details: { host, port },
    })
  }
  return app.server.address() as AddressInfo
}

async function endHttp(http: HttpKit, clock: Clock): Promise<void> {
  const patience = clock.after(stopGraceMs, () => http.app.server.closeAllConnections())
  await http.close()
  patience.cancel()
}

/** IPv6 addresses stand in brackets in a URL. */
function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
