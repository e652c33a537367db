/**
 * Every route by which the console changes something, as docs/reference/api.md spells it, and who
 * may use it. A test holds this list against the server's own: what the server can do and the
 * console cannot must be named there, with the reason.
 */

export interface ActionRoute {
  readonly method: 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** The server decides; this only spares people a click that would be refused. */
  readonly roles: readonly string[]
}

const app = '/v1/cells/{environment}/{tenant}/apps/{app}'
const rollout = `${app}/rollouts/{id}`
const operators = ['operator']
const releasers = ['operator', 'developer']
const people = ['operator', 'developer', 'viewer']

export const actionRoutes = {
  scale: { method: 'POST', path: `${app}/scale`, roles: releasers },
  stop: { method: 'POST', path: `${app}/stop`, roles: releasers },
  start: { method: 'POST', path: `${app}/start`, roles: releasers },
  revert: { method: 'POST', path: `${app}/revert`, roles: releasers },
  promote: { method: 'POST', path: `${app}/promote`, roles: releasers },
  destroy: { method: 'DELETE', path: app, roles: operators },
  undestroy: { method: 'POST', path: `${app}/undestroy`, roles: operators },
  undoSchema: { method: 'POST', path: `${app}/schema/{service}/undo`, roles: operators },
  approve: { method: 'POST', path: `${rollout}/approve`, roles: people },
  cancelRollout: { method: 'POST', path: `${rollout}/cancel`, roles: releasers },
  proceed: { method: 'POST', path: `${rollout}/proceed`, roles: releasers },
  runJob: { method: 'POST', path: `${app}/jobs/{job}/run`, roles: releasers },
  cancelRun: { method: 'POST', path: '/v1/runs/{id}/cancel', roles: releasers },
  replace: { method: 'POST', path: '/v1/instances/{id}/replace', roles: releasers },
  exec: { method: 'POST', path: '/v1/instances/{id}/exec', roles: operators },
  giveUpNode: { method: 'POST', path: '/v1/nodes/{nodeId}/give-up', roles: operators },
  endTestLink: { method: 'DELETE', path: `${app}/test-links/{id}`, roles: releasers },
  createToken: { method: 'POST', path: '/v1/tokens', roles: operators },
  revokeToken: { method: 'DELETE', path: '/v1/tokens/{name}', roles: operators },
  applyPlatform: { method: 'PUT', path: '/v1/platform', roles: operators },
} as const satisfies Record<string, ActionRoute>

/** The address of a route with its parameters filled in. */
export function pathOf(route: ActionRoute, params: Readonly<Record<string, string>>): string {
  return route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  )
}
