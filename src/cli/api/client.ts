import { openAsBlob } from 'node:fs'
import type { Duplex } from 'node:stream'
import { Refusal } from '../../base/errors.ts'
import type { Release } from '../../parts/apps/model.ts'
import type { ArtifactRef } from '../../parts/artifacts/model.ts'
import type { LogEntry } from '../../parts/audit/model.ts'
import type { NodeFinding } from '../../parts/nodes/model.ts'
import type { AppCell } from '../../parts/tenants/model.ts'
import type {
  AppView,
  DeployAnswer,
  DeployRequest,
  HealthBody,
  InstanceView,
  LogLineView,
  NodeView,
  PlanView,
  RolloutView,
  SessionView,
  WhyView,
  Written,
} from '../../wire/api.ts'
import type { DeployPlanView, UnchangedAnswer } from '../../wire/deploy-plan.ts'
import type { BoundView } from '../../wire/bounds.ts'
import type { VolumeView } from '../../wire/volumes.ts'
import type { SchemaView } from '../../wire/schema.ts'
import type {
  BuildAnswer,
  BuildRequest,
  JobView,
  RunAnswer,
  RunDetails,
  RunView,
} from '../../wire/jobs.ts'
import type { AuditPage, ChainPage, CheckpointAnswer } from '../../wire/audit.ts'
import type { ExecAnswer, ExecRequest } from '../../wire/exec.ts'
import type { ExplainedLineView, ExplanationView } from '../../wire/explanation.ts'
import type { HistoryAnswer, MomentView } from '../../wire/history.ts'
import type { LogLevel } from '../../wire/log-level.ts'
import type { PackingAnswer } from '../../wire/packing.ts'
import { pageLimitMax, type Page } from '../../wire/page.ts'
import type { TokenRequest, TokenView } from '../../wire/access.ts'
import type { ApproveAnswer, PromoteRequest } from '../../wire/promotion.ts'
import type { TestLinkAnswer, TestLinkRequest, TestLinkView } from '../../wire/test-links.ts'
import type { PlatformAnswer, PlatformView } from '../../wire/platform.ts'
import type { Query, Transport } from './transport.ts'

/** Pages of a list that are fetched at the most: 100 of up to 1,000 items each. */
const pagesMax = 100

/** Which instances a list is to hold. */
export interface InstanceFilter extends Partial<AppCell> {
  readonly service?: string | undefined
  /** Ended ones too. */
  readonly ended?: boolean | undefined
}

/** Which log lines are wanted. */
export interface LogFilter extends AppCell {
  readonly service?: string | undefined
  /** An instance's whole id. */
  readonly instance?: string | undefined
  /** A part of the text. */
  readonly text?: string | undefined
  /** Lines at least this severe. */
  readonly level?: LogLevel | undefined
}

/** Which part of the ordered log of commits is wanted. */
export interface EventFilter {
  readonly who?: string | undefined
  /** Verbs that begin so. */
  readonly what?: string | undefined
  /** A part of the sentence. */
  readonly text?: string | undefined
  readonly after?: number | undefined
  readonly before?: number | undefined
  /** Those that touched a record whose key begins so. */
  readonly key?: string | undefined
  /** From this wall time on, oldest first; up to that one, newest first. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** False leaves out what the program does for itself. */
  readonly housekeeping?: boolean | undefined
  readonly limit: number
}

/** Which sealed records are wanted; see GET /v1/audit/records. */
export interface AuditFilter {
  readonly who?: string | undefined
  readonly what?: string | undefined
  readonly key?: string | undefined
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly before?: number | undefined
  readonly limit: number
}

/** Whose history is wanted; see GET /v1/history. */
export interface HistoryFilter {
  readonly key?: string | undefined
  readonly name?: string | undefined
  readonly service?: string | undefined
  readonly before?: number | undefined
  readonly limit: number
}

/** The API, one method per route that the CLI uses, in the wire's types. */
export class ApiClient {
  readonly transport: Transport

  constructor(transport: Transport) {
    this.transport = transport
  }

  health(): Promise<HealthBody> {
    return this.#get('/v1/health')
  }

  session(): Promise<SessionView> {
    return this.#get('/v1/session')
  }

  tokens(): Promise<TokenView[]> {
    return this.#list('/v1/tokens')
  }

  createToken(request: TokenRequest): Promise<Written> {
    return this.#write('POST', '/v1/tokens', request)
  }

  revokeToken(name: string): Promise<Written> {
    return this.#write('DELETE', `/v1/tokens/${encodeURIComponent(name)}`, undefined)
  }

  /** The platform.yaml in force; undefined: none was applied. */
  async platform(): Promise<PlatformView | undefined> {
    try {
      return await this.#get<PlatformView>('/v1/platform')
    } catch (error) {
      if (error instanceof Refusal && error.code === 'platform-missing') return undefined
      throw error
    }
  }

  applyPlatform(text: string): Promise<PlatformAnswer> {
    return this.#write('PUT', '/v1/platform', { text })
  }

  apps(): Promise<AppView[]> {
    return this.#list('/v1/apps')
  }

  /** Every app as it was at a wall time, and the commit behind which that lies. */
  appsAt(at: number): Promise<{ readonly items: AppView[]; readonly asOf: MomentView }> {
    return this.transport.json({ method: 'GET', path: '/v1/apps', query: { at } })
  }

  /** What became of something, the newest change first. */
  history(filter: HistoryFilter): Promise<HistoryAnswer> {
    return this.transport.json({ method: 'GET', path: '/v1/history', query: { ...filter } })
  }

  /** Sealed records, the newest first. */
  auditRecords(filter: AuditFilter): Promise<AuditPage> {
    return this.transport.json({ method: 'GET', path: '/v1/audit/records', query: { ...filter } })
  }

  /** The next lines of the sealed chain, as they are kept. */
  auditChain(cursor: string | undefined): Promise<ChainPage> {
    return this.transport.json({ method: 'GET', path: '/v1/audit/chain', query: { cursor } })
  }

  auditCheckpoint(): Promise<CheckpointAnswer> {
    return this.#get('/v1/audit/checkpoint')
  }

  app(at: AppCell): Promise<AppView> {
    return this.#get(appPath(at))
  }

  deploy(at: AppCell, request: DeployRequest): Promise<DeployAnswer | UnchangedAnswer> {
    return this.#write('POST', `${appPath(at)}/deploy`, request)
  }

  /** What a deploy would change; nothing is stored. */
  planDeploy(at: AppCell, request: DeployRequest): Promise<DeployPlanView> {
    return this.#write('POST', `${appPath(at)}/plan`, request)
  }

  /** Carries the release of another cell into this one. */
  promote(at: AppCell, request: PromoteRequest): Promise<DeployAnswer | UnchangedAnswer> {
    return this.#write('POST', `${appPath(at)}/promote`, request)
  }

  /** What a promotion would change; nothing is stored. */
  planPromotion(at: AppCell, request: PromoteRequest): Promise<DeployPlanView> {
    return this.#write('POST', `${appPath(at)}/promote/plan`, request)
  }

  approveRollout(at: AppCell, id: string): Promise<ApproveAnswer> {
    return this.#write(
      'POST',
      `${appPath(at)}/rollouts/${encodeURIComponent(id)}/approve`,
      undefined,
    )
  }

  cancelRollout(at: AppCell, id: string): Promise<Written> {
    return this.#write(
      'POST',
      `${appPath(at)}/rollouts/${encodeURIComponent(id)}/cancel`,
      undefined,
    )
  }

  async schema(at: AppCell): Promise<SchemaView[]> {
    return (await this.#get<{ items: SchemaView[] }>(`${appPath(at)}/schema`)).items
  }

  undoSchema(at: AppCell, service: string): Promise<RunAnswer> {
    const path = `${appPath(at)}/schema/${encodeURIComponent(service)}/undo`
    return this.#write('POST', path, undefined)
  }

  proceedRollout(at: AppCell, id: string): Promise<Written> {
    return this.#write(
      'POST',
      `${appPath(at)}/rollouts/${encodeURIComponent(id)}/proceed`,
      undefined,
    )
  }

  testLinks(at: AppCell): Promise<TestLinkView[]> {
    return this.#list(`${appPath(at)}/test-links`)
  }

  createTestLink(at: AppCell, request: TestLinkRequest): Promise<TestLinkAnswer> {
    return this.#write('POST', `${appPath(at)}/test-links`, request)
  }

  endTestLink(at: AppCell, id: string): Promise<Written> {
    const path = `${appPath(at)}/test-links/${encodeURIComponent(id)}`
    return this.#write('DELETE', path, undefined)
  }

  scale(at: AppCell, service: string, instances: number): Promise<Written> {
    return this.#write('POST', `${appPath(at)}/scale`, { service, instances })
  }

  /** One service, or all of the app's. */
  stop(at: AppCell, service: string | undefined): Promise<Written> {
    return this.#write('POST', `${appPath(at)}/stop`, service === undefined ? {} : { service })
  }

  start(at: AppCell, service: string | undefined): Promise<Written> {
    return this.#write('POST', `${appPath(at)}/start`, service === undefined ? {} : { service })
  }

  revert(at: AppCell, releaseNumber: number | undefined): Promise<DeployAnswer> {
    const body = releaseNumber === undefined ? {} : { releaseNumber }
    return this.#write('POST', `${appPath(at)}/revert`, body)
  }

  undestroy(at: AppCell): Promise<DeployAnswer> {
    return this.#write('POST', `${appPath(at)}/undestroy`, undefined)
  }

  /** `confirm`: how many instances it ends, where the server wants to hear that. */
  destroy(at: AppCell, confirm?: number): Promise<Written> {
    const query = confirm === undefined ? '' : `?confirm=${confirm}`
    return this.#write('DELETE', `${appPath(at)}${query}`, undefined)
  }

  async bounds(): Promise<BoundView[]> {
    const { items } = await this.#get<{ items: BoundView[] }>('/v1/bounds')
    return items
  }

  async jobs(at: AppCell): Promise<JobView[]> {
    const { items } = await this.#get<{ items: JobView[] }>(`${appPath(at)}/jobs`)
    return items
  }

  runJob(at: AppCell, job: string): Promise<RunAnswer> {
    return this.#write('POST', `${appPath(at)}/jobs/${encodeURIComponent(job)}/run`, undefined)
  }

  /** Of all jobs, newest first. */
  runs(limit: number): Promise<RunView[]> {
    return this.#page('/v1/runs', { limit })
  }

  run(id: string): Promise<RunDetails> {
    return this.#get(`/v1/runs/${encodeURIComponent(id)}`)
  }

  /** Builds an image unless its registry has it; Refusal `artifact-missing` without its context. */
  build(at: AppCell, request: BuildRequest): Promise<BuildAnswer> {
    return this.#write('POST', `${appPath(at)}/builds`, request)
  }

  cancelRun(id: string): Promise<Written> {
    return this.#write('POST', `/v1/runs/${encodeURIComponent(id)}/cancel`, undefined)
  }

  releases(at: AppCell): Promise<Release[]> {
    return this.#list(`${appPath(at)}/releases`)
  }

  /** How a release reads in its cell: all of its lines, whose pages are put together. */
  async explanation(at: AppCell, number: number): Promise<Omit<ExplanationView, 'next'>> {
    const path = `${appPath(at)}/releases/${number}/explanation`
    const items: ExplainedLineView[] = []
    let page: ExplanationView
    let cursor: string | undefined
    do {
      const query = { limit: pageLimitMax, cursor }
      page = await this.transport.json<ExplanationView>({ method: 'GET', path, query })
      items.push(...page.items)
      cursor = page.next
    } while (cursor !== undefined && items.length < pagesMax * pageLimitMax)
    return { ...page, items }
  }

  rollout(at: AppCell, id: string): Promise<RolloutView> {
    return this.#get(`${appPath(at)}/rollouts/${encodeURIComponent(id)}`)
  }

  /** All cells' rollouts, newest first. */
  rollouts(limit: number): Promise<RolloutView[]> {
    return this.#page('/v1/rollouts', { limit })
  }

  rolloutsOf(at: AppCell, limit: number): Promise<RolloutView[]> {
    return this.#page(`${appPath(at)}/rollouts`, { limit })
  }

  instances(filter: InstanceFilter): Promise<InstanceView[]> {
    return this.#list('/v1/instances', { ...filter })
  }

  why(instanceId: string): Promise<WhyView> {
    return this.#get(`/v1/instances/${encodeURIComponent(instanceId)}/why`)
  }

  replaceInstance(instanceId: string): Promise<Written> {
    const path = `/v1/instances/${encodeURIComponent(instanceId)}/replace`
    return this.#write('POST', path, undefined)
  }

  /** Connect to it within ten seconds. */
  beginExec(instanceId: string, request: ExecRequest): Promise<ExecAnswer> {
    return this.#write('POST', `/v1/instances/${encodeURIComponent(instanceId)}/exec`, request)
  }

  connectExec(execId: string, signal: AbortSignal): Promise<Duplex> {
    return this.transport.messages(`/v1/execs/${encodeURIComponent(execId)}`, signal)
  }

  giveUpNode(nodeId: string): Promise<Written> {
    return this.#write('POST', `/v1/nodes/${encodeURIComponent(nodeId)}/give-up`, undefined)
  }

  /** What agents found on their nodes that nobody had asked for, oldest first. */
  findings(): Promise<NodeFinding[]> {
    return this.#list('/v1/findings')
  }

  /** Which data stands where, oldest first. */
  volumes(): Promise<VolumeView[]> {
    return this.#list('/v1/volumes')
  }

  nodes(): Promise<NodeView[]> {
    return this.#list('/v1/nodes')
  }

  /** What lies on which node, all pages of it. */
  async packing(): Promise<PackingAnswer[]> {
    const pages: PackingAnswer[] = []
    for (let cursor: string | undefined; pages.length < pagesMax;) {
      const query = { cursor }
      const page: PackingAnswer = await this.transport.json({
        method: 'GET',
        path: '/v1/packing',
        query,
      })
      pages.push(page)
      if (page.next === undefined) break
      cursor = page.next
    }
    return pages
  }

  plans(): Promise<PlanView[]> {
    return this.#list('/v1/plans')
  }

  eventLog(filter: EventFilter): Promise<LogEntry[]> {
    return this.#page('/v1/events', { ...filter })
  }

  logs(
    filter: LogFilter & { readonly since?: number | undefined },
    limit: number,
  ): Promise<LogLineView[]> {
    return this.#page('/v1/logs', { ...filter, limit })
  }

  /** Log lines as they come in, until the signal aborts. */
  async *followLogs(filter: LogFilter, signal: AbortSignal): AsyncGenerator<LogLineView> {
    for await (const event of this.transport.events('/v1/logs/follow', { ...filter }, signal)) {
      if (event.event === 'line' || event.event === 'message') yield JSON.parse(event.data)
    }
  }

  /** Calls back with each revision at which something changed, until the signal aborts. */
  async *changes(after: number, signal: AbortSignal): AsyncGenerator<number> {
    for await (const event of this.transport.events('/v1/watch', { after }, signal)) {
      if (event.id !== undefined) yield Number(event.id)
    }
  }

  /** Whether the server holds an artifact already. */
  async hasArtifact(digest: string): Promise<boolean> {
    try {
      await this.transport.send({ method: 'HEAD', path: artifactPath(digest) })
      return true
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return false
      throw error
    }
  }

  /** Sends an archive's file, without holding it in memory. */
  async putArtifact(ref: ArtifactRef, file: string): Promise<void> {
    const body = await openAsBlob(file, { type: 'application/octet-stream' })
    await this.transport.send({ method: 'PUT', path: artifactPath(ref.digest), body })
  }

  #get<T>(path: string): Promise<T> {
    return this.transport.json({ method: 'GET', path })
  }

  #write<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body: unknown): Promise<T> {
    return this.transport.json({ method, path, body })
  }

  async #page<T>(path: string, query: Query): Promise<T[]> {
    const page = await this.transport.json<Page<T>>({ method: 'GET', path, query })
    return [...page.items]
  }

  /** All pages of a list. */
  async #list<T>(path: string, query: Query = {}): Promise<T[]> {
    const items: T[] = []
    let cursor: string | undefined
    for (let page = 0; page < pagesMax; page++) {
      const answer = await this.transport.json<Page<T>>({
        method: 'GET',
        path,
        query: { ...query, cursor },
      })
      items.push(...answer.items)
      if (answer.next === undefined) return items
      cursor = answer.next
    }
    return items
  }
}

function appPath(at: AppCell): string {
  const [environment, tenant, app] = [at.environment, at.tenant, at.app].map(encodeURIComponent)
  return `/v1/cells/${environment}/${tenant}/apps/${app}`
}

function artifactPath(digest: string): string {
  return `/v1/artifacts/${encodeURIComponent(digest)}`
}
