import { spotAt, type CellView } from './cell-view.ts'
import { checkCommand } from './check-command.ts'
import { checkReference, checkResource } from './check-reference.ts'
import { tidyPath } from './tidy-path.ts'
import type { Step } from './schema-release.ts'
import { childOf, itemsOf, textOf } from './tree.ts'
import { shareOf } from './units.ts'

type StepKind = keyof Step

/** The steps of a release: what they name exists, and their order makes sense. */
export function checkRelease(view: CellView): void {
  const { release } = view
  if (release === undefined) return
  release.steps.forEach((step, index) => checkStep(view, step, String(index)))
  checkOrder(view, release.steps)
  checkWeight(view, release.steps)
  const after = release.after ?? []
  const contract = after.findIndex((step) => step.migrate !== undefined)
  if (contract >= 0) {
    checkMigrate(view, 'contract', ['release', 'after', String(contract), 'migrate'])
    if (release.steps.every((step) => step.migrate === undefined)) {
      const spot = spotAt(view, 'release', 'after', String(contract))
      const message = 'contract follows a release that has no expand'
      view.faults.add('migrate-refused', spot, message, 'add - migrate: expand to the steps')
    }
  }
}

function checkStep(view: CellView, step: Step, index: string): void {
  const path = ['release', 'steps', index] as const
  if (step.snapshot !== undefined) checkResource(view, step.snapshot, ...path, 'snapshot')
  if (step.migrate !== undefined) checkMigrate(view, 'expand', [...path, 'migrate'])
  if (step.test !== undefined) checkCommand(view, step.test.run, ...path, 'test', 'run')
  for (const [position, journey] of (step.journeys ?? []).entries()) {
    const at = [...path, 'journeys', String(position)]
    checkReference(view, 'journeys', 'journey', journey, at)
    checkShipped(view, journey, at)
  }
}

/** A journey's script goes along with the release. */
function checkShipped(view: CellView, journey: string, path: readonly string[]): void {
  const written = textOf(childOf(childOf(childOf(view.root, 'journeys'), journey), 'script'))
  if (written === undefined) return
  const script = tidyPath(written)
  const files = (view.release?.files ?? []).map(tidyPath)
  if (files.some((file) => file === '.' || script === file || script.startsWith(`${file}/`))) return
  const directory = script.includes('/') ? `${script.slice(0, script.lastIndexOf('/'))}/` : script
  const message = `${script}, the script of \`${journey}\`, does not go along with the release`
  view.faults.add(
    'file-not-shipped',
    spotAt(view, ...path),
    message,
    `add ${directory} to release.files`,
  )
}

function checkMigrate(view: CellView, what: 'expand' | 'contract', path: readonly string[]): void {
  const services = childOf(view.root, 'services')
  const isDefined = view.serviceNames.some((name) => {
    const migrate = childOf(childOf(services, name), 'migrate')
    return childOf(migrate, what) !== undefined || migrate?.kind === 'hole'
  })
  if (isDefined) return
  const message = `no service has a migration with \`${what}\``
  const hint = `add migrate: { resource: …, ${what}: … } to a service, or delete the step`
  view.faults.add('migrate-refused', spotAt(view, ...path), message, hint)
}

/** A comparison gives the old version as much as the new, so neither can have more than half. */
function checkWeight(view: CellView, steps: readonly Step[]): void {
  const index = steps.findIndex(({ online }) => online !== undefined)
  const weight = steps[index]?.online?.weight
  if (weight === undefined || steps.every(({ judge }) => judge === undefined)) return
  if (shareOf(weight) <= 0.5) return
  const spot = spotAt(view, 'release', 'steps', String(index), 'online', 'weight')
  const message = `online: ${weight} leave no equal share for what the new version is compared with`
  view.faults.add('weight-refused', spot, message, 'give it 50% at the most, or delete the judge')
}

/** What has to stand earlier for a step to have something to work on. */
const prerequisites: Readonly<Partial<Record<StepKind, readonly [StepKind, string]>>> = {
  test: ['maintenance', 'nothing runs in the maintenance pool yet, so there is nothing to test'],
  journeys: [
    'maintenance',
    'nothing runs in the maintenance pool yet, so there is nothing to test',
  ],
  online: ['maintenance', 'nothing runs in the maintenance pool yet that could go online'],
  judge: ['online', 'the new version has no customers yet, so there is nothing to judge'],
}

/** What may not stand later: it would come too late. */
const tooLate: Readonly<Partial<Record<StepKind, readonly [StepKind, string]>>> = {
  snapshot: ['migrate', 'a snapshot after the migration holds what it was to save'],
  migrate: ['maintenance', 'the new instances would have started before the migration'],
}

/** Steps that can stand once only. */
const once: ReadonlySet<StepKind> = new Set(['migrate', 'maintenance', 'online', 'remaining'])

function checkOrder(view: CellView, steps: readonly Step[]): void {
  const nodes = itemsOf(childOf(childOf(view.root, 'release'), 'steps'))
  if (nodes.some((node) => node.kind === 'hole')) return
  const kinds = steps.map((step) => Object.keys(step)[0] as StepKind)
  kinds.forEach((kind, index) => {
    const spot = spotAt(view, 'release', 'steps', String(index))
    const before = kinds.slice(0, index)
    const refuse = (message: string, hint: string): void =>
      view.faults.add('step-order', spot, `${kind}: ${message}`, hint)
    if (once.has(kind) && before.includes(kind)) {
      refuse(`it stands here for the second time`, `keep one step \`${kind}\``)
    }
    if (before.includes('remaining') && kind !== 'remaining') {
      refuse('every instance is new already', 'move it above `remaining`')
      return
    }
    const [needed, why] = prerequisites[kind] ?? []
    if (needed !== undefined && !before.includes(needed))
      refuse(why ?? '', `put the step \`${needed}\` above it`)
    const [limit, late] = tooLate[kind] ?? []
    if (limit !== undefined && before.includes(limit))
      refuse(late ?? '', `move it above \`${limit}\``)
  })
  if (kinds.includes('remaining')) return
  const message = 'the steps end before all instances are new'
  view.faults.add(
    'step-order',
    spotAt(view, 'release', 'steps'),
    message,
    'end with - remaining: { batch: 50% }',
  )
}
