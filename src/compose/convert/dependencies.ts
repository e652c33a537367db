import { urlVariableOf } from '../../base/variables.ts'
import { childOf, entriesOf, type Place } from '../../parts/apps/manifest/tree.ts'
import { mapOf } from '../merge.ts'
import type { Report } from '../report.ts'
import { isTrue, textIn, within } from '../values.ts'
import type { ComposeService, Draft, Scene } from './scene.ts'
import { sayerOf } from './scene.ts'

/** Who waits for whom: `depends_on` becomes `needs`. */

/** One thing that a service waits for. */
interface Dependency {
  readonly name: string
  readonly condition: string
  readonly isNeeded: boolean
  readonly restarts: boolean
  readonly place: Place
}

function dependenciesOf({ node }: ComposeService): Dependency[] {
  const given = within(node, 'depends_on')
  if (given === undefined) return []
  return entriesOf(mapOf(given)).map(([name, { key, value }]) => ({
    name,
    condition: textIn(childOf(value, 'condition')) ?? 'service_started',
    isNeeded: textIn(childOf(value, 'required'))?.toLowerCase() !== 'false',
    restarts: isTrue(childOf(value, 'restart')),
    place: key,
  }))
}

/** Services that others wait for until they have ended: in a manifest a service never ends. */
export function endingServices(services: Iterable<ComposeService>): Set<string> {
  const ending = new Set<string>()
  for (const service of services) {
    for (const { name, condition } of dependenciesOf(service)) {
      if (condition === 'service_completed_successfully') ending.add(name)
    }
  }
  return ending
}

/** All drafts are there already: only what has a port can be needed. */
export function convertDependencies(
  scene: Scene,
  service: ComposeService,
  drafts: ReadonlyMap<string, Draft>,
): void {
  const say = sayerOf(service, scene.report)
  const draft = drafts.get(service.name)
  const needs: string[] = []
  for (const dependency of dependenciesOf(service)) {
    const { name, condition, isNeeded, restarts, place } = dependency
    const where = { key: `depends_on.${name}`, place }
    const other = scene.services.get(name)
    const target = drafts.get(name)
    if (other === undefined || target === undefined) {
      const isLeftOut = scene.project.blocks.services.has(name)
      if (!isNeeded) say('dropped', where, `\`${name}\` is left out, and does not have to be there`)
      else if (isLeftOut) {
        const said = `\`${name}\` is left out of the manifest, so nothing waits for it`
        say('open', where, said, 'see what is said of it; --profile takes services of a profile in')
      } else say('fault', where, `there is no service \`${name}\``, 'mend its name')
      continue
    }
    if (target.worker === true) {
      const said = `\`${name}\` has no port that could be waited for: nothing waits for it`
      say('changed', where, said, `give \`${name}\` its \`port\`, and name it under \`needs\``)
      continue
    }
    const variable = urlVariableOf(other.key)
    if (draft?.env !== undefined && Object.hasOwn(draft.env, variable)) {
      const said = `nothing waits for \`${name}\`: \`needs\` would set \`${variable}\`, which is in \`env\``
      say('changed', where, said)
      continue
    }
    needs.push(other.key)
    const remark = restarts ? '; it is not restarted with it' : ''
    const isSame = condition === 'service_healthy' && !restarts
    const said = isSame
      ? '`needs`: released once that one is ready'
      : `\`needs\`: released once that one is ready, and not only started${remark}`
    say(isSame ? 'carried' : 'changed', where, said)
  }
  if (draft !== undefined && needs.length > 0) draft.needs = [...new Set(needs)]
}

/** Each circle is told once, at the line that closes it. */
export function refuseCircles(services: ReadonlyMap<string, ComposeService>, report: Report): void {
  const done = new Set<string>()
  const visit = (name: string, trail: readonly string[]): void => {
    const service = services.get(name)
    if (service === undefined || done.has(name)) return
    const path = [...trail, name]
    for (const dependency of dependenciesOf(service)) {
      const start = path.indexOf(dependency.name)
      if (start < 0) {
        visit(dependency.name, path)
        continue
      }
      const circle = [...path.slice(start), dependency.name]
      const shown = circle.length > 12 ? [...circle.slice(0, 11), '…', dependency.name] : circle
      const said = `services wait for each other in a circle: ${shown.join(' → ')}`
      const at = `services.${name}.depends_on`
      report.add('fault', at, dependency.place, said, 'take one of these depends_on out')
    }
    done.add(name)
  }
  for (const name of services.keys()) visit(name, [])
}
