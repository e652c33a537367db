import type { HandDrift } from '../../wire/deploy-plan.ts'
import type { App, HandChanges, Release, ServiceSpec } from './model.ts'

/** Where people's hands made an app differ from the manifest of a release, in its order. */
export function handDriftOf(app: App, release: Release | undefined): HandDrift[] {
  return (release?.services ?? []).flatMap((spec) => {
    const { name } = spec
    const inManifest = spec.singleton ? Math.min(1, spec.instances) : spec.instances
    if (app.stopped.includes(name)) return [driftOf(app, spec, 'stopped', 0, inManifest)]
    const byHand = app.scale[name] ?? spec.instances
    if (byHand === spec.instances) return []
    return [driftOf(app, spec, 'scaled', byHand, inManifest)]
  })
}

function driftOf(
  app: App,
  { name }: ServiceSpec,
  kind: HandDrift['kind'],
  byHand: number,
  inManifest: number,
): HandDrift {
  const hand = kind === 'scaled' ? app.hands?.scale[name] : app.hands?.stop[name]
  const { by = null, at: since = null } = hand ?? {}
  return { service: name, kind, byHand, inManifest, by, since }
}

/** All that was done by hand, for a rollout to undo; undefined: nothing was. */
export function handChangesOf({ scale, stopped }: App): HandChanges | undefined {
  if (Object.keys(scale).length + stopped.length === 0) return undefined
  return { scale, stopped }
}
