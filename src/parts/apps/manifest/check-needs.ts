import { satisfies, valid, validRange } from 'semver'
import { isAtFault, spotAt, type CellView, type FilledService } from './cell-view.ts'
import { neededOf } from './check-service.ts'
import { didYouMean } from './suggestion.ts'
import { lineWords, placeAt } from './tree.ts'

/** What must hold between services: whom they need, and in which version. */
export function checkNeeds(view: CellView): void {
  for (const [name, service] of view.services) {
    const needs = service.needs ?? []
    if (Array.isArray(needs)) {
      needs.forEach((need, index) => checkNeed(view, name, need, [String(index)]))
    } else {
      for (const [need, interfaces] of Object.entries(needs)) {
        checkNeed(view, name, need, [need])
        checkInterfaces(view, name, need, interfaces)
      }
    }
    checkProvides(view, name, service)
  }
  checkCycles(view)
}

function checkNeed(view: CellView, name: string, need: string, at: readonly string[]): void {
  /** A service of another app: what it is, only the platform knows. */
  if (need.includes('/')) return
  const spot = spotAt(view, 'services', name, 'needs', ...at)
  if (need === name) {
    view.faults.add(
      'needs-refused',
      spot,
      `\`${name}\` needs itself`,
      'delete it from its own needs',
    )
  } else if (!view.serviceNames.includes(need)) {
    const others = view.serviceNames.filter((other) => other !== name)
    const hint = didYouMean(need, others, 'for a service of another app write app/service')
    view.faults.add('unknown-service', spot, `there is no service \`${need}\``, hint)
  } else if (view.services.get(need)?.worker === true) {
    const message = `\`${need}\` is a worker: it has no port to call`
    view.faults.add(
      'needs-refused',
      spot,
      message,
      `give \`${need}\` a port, or reach it by a queue`,
    )
  }
}

function checkInterfaces(
  view: CellView,
  name: string,
  need: string,
  interfaces: Readonly<Record<string, string>>,
): void {
  for (const [wanted, range] of Object.entries(interfaces)) {
    const spot = spotAt(view, 'services', name, 'needs', need, wanted)
    if (validRange(range) === null) {
      view.faults.add('bad-version', spot, `\`${range}\` is no version range`, 'for instance ^2.1')
      continue
    }
    const provider = view.services.get(need)
    if (need.includes('/') || provider === undefined || isAtFault(view, need, 'provides')) continue
    const version = provider.provides?.[wanted]
    if (version === undefined) {
      const offered = Object.keys(provider.provides ?? {})
      const hint = didYouMean(wanted, offered, `add provides: { ${wanted}: 1.0.0 } to \`${need}\``)
      view.faults.add(
        'interface-missing',
        spot,
        `\`${need}\` provides no interface \`${wanted}\``,
        hint,
      )
    } else if (valid(version) !== null && !satisfies(version, range)) {
      const at = placeAt(view.root, ['services', need, 'provides', wanted])
      const line = lineWords(at, spot.place)
      const message = `\`${need}\` provides ${wanted} ${version} (${line}), not ${range}`
      view.faults.add(
        'interface-version',
        spot,
        message,
        'widen the range, or release a version in it',
      )
    }
  }
}

function checkProvides(view: CellView, name: string, service: FilledService): void {
  for (const [offered, version] of Object.entries(service.provides ?? {})) {
    if (valid(version) !== null) continue
    const spot = spotAt(view, 'services', name, 'provides', offered)
    const hint = /^\d+(?:\.\d+)?$/.test(version)
      ? `did you mean ${[...version.split('.'), '0', '0'].slice(0, 3).join('.')}?`
      : 'for instance 2.3.0'
    view.faults.add('bad-version', spot, `\`${version}\` is no version`, hint)
  }
}

/** Each circle is told once, at the need that closes it. */
function checkCycles(view: CellView): void {
  const done = new Set<string>()
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name)
    if (start >= 0) {
      const circle = [...trail.slice(start), name]
      const last = trail.at(-1) ?? name
      const names = circle.length > 12 ? [...circle.slice(0, 11), '…', name] : circle
      const message = `services need each other in a circle: ${names.join(' → ')}`
      const hint = 'take one of these needs out: a release has to begin somewhere'
      if (circle.length > 2)
        view.faults.add('needs-cycle', needSpot(view, last, name), message, hint)
      return
    }
    if (done.has(name)) return
    const service = view.services.get(name)
    for (const need of service === undefined ? [] : neededOf(service)) visit(need, [...trail, name])
    done.add(name)
  }
  for (const name of view.services.keys()) visit(name, [])
}

function needSpot(view: CellView, name: string, need: string) {
  const needs = view.services.get(name)?.needs ?? []
  const key = Array.isArray(needs) ? String(needs.indexOf(need)) : need
  return spotAt(view, 'services', name, 'needs', key)
}
