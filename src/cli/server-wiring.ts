import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Bounds } from '../base/bounds.ts'
import { systemClock } from '../base/clock.ts'
import { watchEventLoop } from '../base/event-loop.ts'
import { openLog, type Log } from '../base/log.ts'
import { systemRandom } from '../base/random.ts'
import { credentialsFrom, noCredentials } from '../base/registry-credentials.ts'
import { checkArchive } from '../drivers/artifacts/tar-archiver.ts'
import { openFileBlobStore } from '../drivers/artifacts/file-blob-store.ts'
import { openCheckpointFiles } from '../drivers/audit/checkpoint-files.ts'
import { openSegmentFiles } from '../drivers/audit/segment-files.ts'
import { openThreadReader } from '../drivers/manifests/thread-reader.ts'
import { openBackupMaker } from '../drivers/backups/backup-maker.ts'
import { openRegistry } from '../drivers/registry/registry-client.ts'
import type { ImageRegistry } from '../parts/apps/driver.ts'
import { sweepBlobs } from '../parts/artifacts/controller.ts'
import { endLeftExecs } from '../parts/execs/relay.ts'
import { noteRestore } from '../server/restored.ts'
import { startSealer } from '../server/sealer.ts'
import { startServer } from '../server/server.ts'
import { ensureTokens } from '../server/tokens.ts'
import { ObservedState } from '../store/observed.ts'
import type { Leadership, Moment } from '../store/port.ts'
import { openSqliteStore, type FileStore } from '../store/sqlite/sqlite-store.ts'
import { openState } from '../store/state.ts'
import { openFileLogStore } from '../telemetry/logs/file-log-store.ts'
import { programVersion } from './program-version.ts'
import { composeServer, recordKinds, type AuditFiles, type ServerStores } from './server-parts.ts'

/** The one place where the server's parts, drivers and settings meet. */

/** The options of `roadstead server`, as `roadstead up` and operators give them. */
export interface ServerCommandOptions {
  readonly data: string
  readonly host: string
  readonly port: number
  readonly ingressUrl: string
  readonly privateUrl?: string
  readonly adminUrl?: string
  readonly listenerPorts: { readonly from: number; readonly to: number }
  readonly singletonLease: number
  readonly auditCheckpoints?: string
  readonly registryConfig?: string
  readonly registryHttp: readonly string[]
  readonly https?: boolean
  readonly logLevel: string
  readonly supervised?: boolean
}

/** Runs the server until it is told to stop, or its store is lost. */
export async function runServer(options: ServerCommandOptions): Promise<void> {
  const log = openLog('server', options.logLevel)
  const stopping = stopSignal(options.supervised === true)
  const data = resolve(options.data)
  const folder = join(data, 'server')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const bounds = new Bounds()
  const file = join(folder, 'state.db')
  const store = await openSqliteStore({ file, clock: systemClock, log, bounds })
  const leadership = await store.campaign(stopping)
  const checkpoints = resolve(options.auditCheckpoints ?? join(data, 'audit-checkpoints'))
  const audit = await openAudit(folder, checkpoints, log, bounds)
  const stores = { ...(await openStores(store, leadership, folder, log, bounds)), audit }
  const tokens = join(data, 'tokens')
  const { state, logs } = stores
  const { snapshot } = state
  const sealer = startSealer({ store, snapshot, ...audit, clock: systemClock, log })
  const { ingressUrl, privateUrl, adminUrl, listenerPorts } = options
  const urls = { ingressUrl, privateUrl, adminUrl }
  const surroundings = { clock: systemClock, random: systemRandom, log }
  const manifests = openThreadReader({ clock: systemClock, bounds })
  await ensureTokens({ state, directory: tokens, clock: systemClock, random: systemRandom })
  const server = await startServer({
    ...composeServer(
      {
        ...urls,
        listenerPorts,
        singletonLeaseMs: options.singletonLease,
        manifests,
        registry: registryOf(options),
        bounds,
        ...surroundings,
      },
      stores,
    ),
    ...surroundings,
    state,
    bounds,
    eventLoop: watchEventLoop(),
    listen: { host: options.host, port: options.port },
    scheme: options.https === true ? 'https' : 'http',
    tokenPlace: join(tokens, 'operator'),
    consoleDirectory: consoleDirectory(),
    version: programVersion,
  })
  await untilAborted(AbortSignal.any([stopping, leadership.lost]))
  const isLost = leadership.lost.aborted && !stopping.aborted
  log[isLost ? 'error' : 'info'](isLost ? 'leadership lost' : 'server stops')
  await server.stop()
  await sealer.stop()
  await state.close()
  await logs.close()
  await store.close()
  process.exit(isLost ? 1 : 0)
}

function registryOf({ registryConfig, registryHttp }: ServerCommandOptions): ImageRegistry {
  return openRegistry({
    clock: systemClock,
    credentials:
      registryConfig === undefined ? noCredentials : credentialsFrom(resolve(registryConfig)),
    plain: registryHttp,
  })
}

async function openAudit(
  folder: string,
  directory: string,
  log: Log,
  bounds: Bounds,
): Promise<AuditFiles> {
  const chain = await openSegmentFiles({ directory: join(folder, 'audit'), log })
  bounds.addAll(chain)
  return {
    chain,
    checkpoints: await openCheckpointFiles({ directory, keyFile: join(folder, 'audit-key.pem') }),
  }
}

async function openStores(
  store: FileStore,
  leadership: Leadership,
  folder: string,
  log: Log,
  bounds: Bounds,
): Promise<ServerStores> {
  const clock = systemClock
  const observations = new ObservedState(clock)
  bounds.addAll(observations)
  const kinds = recordKinds
  const state = await openState({ store, kinds, clock, observations, log, leadership })
  const directory = join(folder, 'artifacts')
  const blobs = await openFileBlobStore({ directory, check: checkArchive })
  const swept = await sweepBlobs(state.snapshot, blobs)
  if (swept > 0) log.info('artifacts without a record swept', { swept })
  const logs = await openFileLogStore({ directory: join(folder, 'logs'), clock, log, bounds })
  await noteRestore(state, folder, clock)
  await endLeftExecs(state)
  const copyStore = (file: string): Promise<Moment> => store.copyTo(file)
  const backups = await openBackupMaker({ folder, copyStore, version: programVersion, clock })
  return { state, observed: observations, blobs, logs, backups }
}

/** The built console: beside the bundle, or in the checkout's dist/ when run from source. */
function consoleDirectory(): string {
  const beside = fileURLToPath(new URL('./console', import.meta.url))
  return existsSync(join(beside, 'index.html'))
    ? beside
    : fileURLToPath(new URL('../../dist/console', import.meta.url))
}

/** Aborts on SIGTERM, SIGINT, and, supervised, when the supervisor's channel closes. */
function stopSignal(isSupervised: boolean): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => controller.abort(new Error('told to stop'))
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  if (isSupervised) {
    process.once('disconnect', stop)
    if (process.connected !== true) stop()
  }
  return controller.signal
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
