import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { isSignedOut } from './api/client.ts'
import { sessionQuery } from './api/queries.ts'
import { redeemFragment, type LoginNotice } from './api/session.ts'
import { partOf, type AppPart } from './pages/apps/parts.ts'
import type { EventsSearch } from './pages/events/event-queries.ts'
import type { LogsSearch } from './pages/logs/log-queries.ts'
import { LoginPage } from './pages/session/login-page.tsx'
import { Lost, Broken } from './pages/session/lost-page.tsx'
import { onlyOf, type OverviewSearch } from './pages/overview/dense-rows.ts'
import { OverviewPage } from './pages/overview/overview-page.tsx'
import { Shell } from './shell/shell.tsx'

/** Every address of the console; all of them can be linked to. */

interface RouterContext {
  readonly client: QueryClient
}

/** As the address has it; what a reader leaves out must be set to undefined, or it passes through. */
type Search = Record<string, unknown>

/** Which part of an app is shown, and of what. */
interface AppSearch {
  readonly part?: AppPart | undefined
  readonly service?: string | undefined
  readonly ended?: boolean | undefined
  readonly job?: string | undefined
  readonly run?: string | undefined
  /** Of the configuration: what one layer says, and a line of the manifest. */
  readonly layer?: string | undefined
  readonly line?: number | undefined
}

interface LoginSearch {
  readonly to?: string | undefined
  readonly notice?: LoginNotice | undefined
}

const root = createRootRouteWithContext<RouterContext>()({ component: Outlet })

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: LoginPage,
  validateSearch: readLoginSearch,
  async beforeLoad({ context: { client }, search }) {
    if (await redeem(client, search.to)) throw redirect({ href: search.to ?? '/', replace: true })
  },
})

const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  component: Shell,
  async beforeLoad({ context: { client }, location }) {
    const to = location.pathname + location.searchStr
    const hasLink = await redeem(client, to)
    try {
      if (!hasLink) await client.ensureQueryData(sessionQuery)
    } catch (error) {
      if (!isSignedOut(error)) throw error
      throw redirect({ to: '/login', search: { to }, replace: true })
    }
  },
})

/** Signs in by the address's fragment; answers whether there was one. */
async function redeem(client: QueryClient, to: string | undefined): Promise<boolean> {
  const redeemed = redeemFragment()
  if (redeemed === undefined) return false
  try {
    client.setQueryData(sessionQuery.queryKey, await redeemed)
    return true
  } catch (error) {
    if (!isSignedOut(error)) throw error
    const search = { ...(to === undefined ? {} : { to }), notice: 'wrong-link' as const }
    throw redirect({ to: '/login', search, replace: true })
  }
}

const overview = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  component: OverviewPage,
  validateSearch: (search: Search): OverviewSearch => ({
    at: typeof search.at === 'string' ? search.at : undefined,
    q: textOf(search.q),
    only: onlyOf(search.only),
  }),
})

const rollouts = createRoute({
  getParentRoute: () => signedIn,
  path: '/rollouts',
  component: lazyRouteComponent(() => import('./pages/rollouts/list-page.tsx'), 'RolloutsPage'),
})

const rollout = createRoute({
  getParentRoute: () => signedIn,
  path: '/rollouts/$environment/$tenant/$app/$id',
  component: lazyRouteComponent(() => import('./pages/rollouts/rollout-page.tsx'), 'RolloutPage'),
})

const nodes = createRoute({
  getParentRoute: () => signedIn,
  path: '/nodes',
  component: lazyRouteComponent(() => import('./pages/nodes/nodes-page.tsx'), 'NodesPage'),
  validateSearch: (search: Search): NodesSearch => ({
    node: textOf(search.node),
    instance: textOf(search.instance),
    by: search.by === 'memory' ? 'memory' : undefined,
    q: textOf(search.q),
  }),
})

const logs = createRoute({
  getParentRoute: () => signedIn,
  path: '/logs',
  component: lazyRouteComponent(() => import('./pages/logs/logs-page.tsx'), 'LogsPage'),
  validateSearch: (search: Search): LogsSearch => ({
    app: textOf(search.app),
    service: textOf(search.service),
    instance: textOf(search.instance),
    level: oneOf(['debug', 'info', 'warning', 'error'] as const, search.level),
    q: textOf(search.q),
    last: numberOf(search.last),
    since: numberOf(search.since),
    until: numberOf(search.until),
    line: textOf(search.line),
  }),
})

const events = createRoute({
  getParentRoute: () => signedIn,
  path: '/events',
  component: lazyRouteComponent(() => import('./pages/events/events-page.tsx'), 'EventsPage'),
  validateSearch: (search: Search): EventsSearch => ({
    who: textOf(search.who),
    what: textOf(search.what),
    q: textOf(search.q),
    key: textOf(search.key),
    all: search.all === true || undefined,
    revision: numberOf(search.revision),
  }),
})

const loops = createRoute({
  getParentRoute: () => signedIn,
  path: '/loops',
  component: lazyRouteComponent(() => import('./pages/loops/loops-page.tsx'), 'LoopsPage'),
  validateSearch: (search: Search): { controller?: string | undefined } => ({
    controller: textOf(search.controller),
  }),
})

const settings = createRoute({
  getParentRoute: () => signedIn,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings/settings-page.tsx'), 'SettingsPage'),
})

/** One of a few words; anything else is left out. */
function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word | undefined {
  return words.find((word) => word === value)
}

/** A number of the address that may be a time. */
function numberOf(value: unknown): number | undefined {
  const number = Number(value)
  return value !== '' && Number.isFinite(number) && number > 0 ? number : undefined
}

interface NodesSearch {
  readonly node?: string | undefined
  readonly instance?: string | undefined
  readonly by?: 'cpu' | 'memory' | undefined
  readonly q?: string | undefined
}

/** A text of the address; the router reads numbers and booleans out of it by itself. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

const app = createRoute({
  getParentRoute: () => signedIn,
  path: '/apps/$environment/$tenant/$app',
  component: lazyRouteComponent(() => import('./pages/apps/app-page.tsx'), 'AppPage'),
  validateSearch: (search: Search): AppSearch => ({
    part: partOf(search.part),
    service: textOf(search.service),
    ended: search.ended === true || undefined,
    job: textOf(search.job),
    run: textOf(search.run),
    layer: textOf(search.layer),
    line: numberOf(search.line),
  }),
})

const instance = createRoute({
  getParentRoute: () => signedIn,
  path: '/instances/$id',
  component: lazyRouteComponent(
    () => import('./pages/instances/instance-page.tsx'),
    'InstancePage',
  ),
  validateSearch: (search: Search): { terminal?: true | undefined } => ({
    terminal: search.terminal === true || undefined,
  }),
})

const routeTree = root.addChildren([
  login,
  signedIn.addChildren([
    overview,
    rollouts,
    rollout,
    nodes,
    logs,
    events,
    loops,
    settings,
    app,
    instance,
  ]),
])

/** Only a path of our own is taken: a link must not send anybody elsewhere after the login. */
function readLoginSearch({ to, notice }: Search): LoginSearch {
  return {
    to: typeof to === 'string' && /^\/(?![/\\])/.test(to) ? to : undefined,
    notice: notice === 'ended' || notice === 'wrong-link' ? notice : undefined,
  }
}

/** Makes the router; the notice of an ended session is the caller's to raise. */
export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree,
    context: { client },
    defaultPreload: 'intent',
    defaultNotFoundComponent: Lost,
    defaultErrorComponent: Broken,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
