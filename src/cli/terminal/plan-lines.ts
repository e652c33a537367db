import type { DeployPlanView, FieldChange, HandDrift, ServicePlan } from '../../wire/deploy-plan.ts'
import { bytesText, durationText, pluralText, timeText } from './format.ts'
import { toned } from './output.ts'
import { releaseName } from './rollout-lines.ts'

/** A plan in words: what would change, service by service, and what would follow. */

/** All of a plan, line by line. */
export function planLines(plan: DeployPlanView, now: number): string[] {
  if (plan.nothingToDo) return [nothingToDo(plan)]
  return [
    planTitle(plan),
    ...aheadLines(plan),
    '',
    ...serviceLines(plan.services),
    ...releaseLines(plan.release),
    ...driftLines(plan, now),
    ...stepLines(plan),
    ...placementLines(plan),
    ...(plan.notes === undefined ? [] : ['', ...noteLines(plan)]),
  ]
}

/** What goes with a plan: which gate would hold its rollout, what was not looked at. */
export function noteLines({ notes = [] }: DeployPlanView): string[] {
  return notes.map((note) => `${toned('!', 'moving')} ${note}`)
}

/** `nothing to do: local/default runs exactly this`. */
export function nothingToDo({ at, base, ahead }: DeployPlanView): string {
  const cell = `${at.environment}/${at.tenant}`
  const name = base === null ? '' : ` (${nameOf(base)})`
  const last = ahead.at(-1)
  if (last === undefined) return `nothing to do: ${cell} runs exactly this${name}`
  return `nothing to do: ${last.rolloutId} carries exactly this into ${cell} already${name}`
}

/** The plan in one line, before a deploy goes on. */
export function planSummary({ services, drift, putsBack, placement }: DeployPlanView): string {
  const count = (change: ServicePlan['change']): number =>
    services.filter((service) => service.change === change).length
  const parts = [
    [count('created'), '+', 'created'],
    [count('changed'), '~', 'changed'],
    [count('removed'), '-', 'removed'],
    [count('unchanged'), '=', 'unchanged'],
  ] as const
  const told = parts.filter(([found]) => found > 0).map(([found, , word]) => `${found} ${word}`)
  const replaced = services.reduce((sum, service) => sum + service.replaces, 0)
  if (replaced > 0) told.push(`${pluralText(replaced, 'instance')} replaced`)
  if (putsBack) told.push(`${pluralText(drift.length, 'change')} by hand undone`)
  if (placement.some(({ fits }) => !fits)) told.push(toned('no room for all of it', 'wrong'))
  return told.join(', ')
}

/** `storefront: 4 by hand, 2 in the manifest, since 14:05:11 by operator`. */
export function handDriftText(drift: HandDrift, now: number): string {
  const { service, kind, byHand, inManifest, by, since } = drift
  const what = kind === 'stopped' ? 'stopped by hand' : `${byHand} by hand`
  const when = since === null ? '' : `, since ${timeText(since, now)}`
  const who = by === null ? '' : ` by ${by}`
  return `${service}: ${what}, ${inManifest} in the manifest${when}${who}`
}

function planTitle({ at, base }: DeployPlanView): string {
  const against = base === null ? 'nothing runs there yet' : `compared with ${nameOf(base)}`
  return `plan for ${at.app} in ${at.environment}/${at.tenant}, ${against}`
}

function aheadLines({ ahead }: DeployPlanView): string[] {
  return ahead.map(({ rolloutId, state, release }) => {
    const text = `after ${rolloutId}, which is ${state} with ${nameOf(release)}`
    return toned(text, 'quiet')
  })
}

function serviceLines(services: readonly ServicePlan[]): string[] {
  const told = services.filter(({ change }) => change !== 'unchanged')
  const width = Math.max(0, ...told.map(({ name }) => name.length))
  const lines = told.flatMap((service) => [
    serviceLine(service, width),
    ...imageLines(service),
    ...fieldLines(service),
  ])
  const same = services.filter(({ change }) => change === 'unchanged').map(({ name }) => name)
  if (same.length > 0) lines.push(toned(`  = ${same.join(', ')}: unchanged`, 'quiet'))
  return lines
}

function serviceLine({ name, change, instances, replaces }: ServicePlan, width: number): string {
  const { from, to } = instances
  const count = from === to || change === 'created' ? String(to) : `${from} -> ${to}`
  const noun = (change === 'removed' ? from : to) === 1 ? 'instance' : 'instances'
  const figure = change === 'removed' ? String(from) : count
  const replaced = replaces > 0 ? `, ${replaces} replaced` : ''
  const kept = change === 'changed' && replaces === 0 ? ', none replaced' : ''
  return `  ${signed(change)} ${name.padEnd(width)}  ${figure} ${noun}${replaced}${kept}`
}

/** What a new service is made of; how it changes is one of the fields. */
function imageLines({ change, image }: ServicePlan): string[] {
  return change === 'created' && image !== undefined ? [`      image  ${image}`] : []
}

function fieldLines({ fields }: Pick<ServicePlan, 'fields'>, indent = '      '): string[] {
  const shown = fields.filter(({ path }) => path !== 'instances')
  const width = Math.max(0, ...shown.map(({ path }) => path.length))
  return shown.map((field) => `${indent}${fieldLine(field, width)}`)
}

function fieldLine({ path, from, to }: FieldChange, width: number): string {
  const name = path.padEnd(width)
  if (from === null) return `${signed('created')} ${name}  ${valueText(path, to)}`
  if (to === null) return `${signed('removed')} ${name}  ${valueText(path, from)}`
  return `${signed('changed')} ${name}  ${valueText(path, from)} -> ${valueText(path, to)}`
}

function releaseLines(fields: readonly FieldChange[]): string[] {
  if (fields.length === 0) return []
  return ['', 'the release itself', ...fieldLines({ fields: [...fields] }, '  ')]
}

function driftLines({ drift, putsBack }: DeployPlanView, now: number): string[] {
  if (drift.length === 0) return []
  const fate = putsBack ? 'this deploy undoes it; --keep-drift keeps it' : 'it stays'
  const lines = drift.map((one) => `  ${signed('changed')} ${handDriftText(one, now)}`)
  return ['', `by hand (${fate})`, ...lines]
}

function stepLines({ steps }: DeployPlanView): string[] {
  if (steps.length === 0) return ['', 'no instance is replaced: it takes effect at once']
  return ['', 'steps', ...steps.map(({ title }, index) => `  ${index + 1}. ${title}`)]
}

function placementLines({ placement }: DeployPlanView): string[] {
  const refused = placement.filter(({ fits }) => !fits)
  if (placement.length === 0) return []
  if (refused.length === 0) return ['', ...roomLines(placement)]
  const lines = refused.flatMap(({ service, because, fix }) => [
    `  ${toned('✗', 'wrong')} ${service}: ${because}`,
    ...(fix === null ? [] : [`    to make it fit: ${fix}`]),
  ])
  return ['', toned('there is no room for all of it now', 'wrong'), ...lines]
}

function roomLines(placement: DeployPlanView['placement']): string[] {
  const lending = placement.filter(({ lends = 0 }) => lends > 0)
  if (lending.length === 0) return [toned('there is room for all of it', 'well')]
  return lending.map(({ service, because }) => toned(`${service}: ${because}`, 'moving'))
}

function signed(change: ServicePlan['change']): string {
  switch (change) {
    case 'created':
      return toned('+', 'well')
    case 'removed':
      return toned('-', 'wrong')
    case 'changed':
      return toned('~', 'moving')
    case 'unchanged':
      return '='
  }
}

/** A value as a manifest's reader knows it: units by the field's name, digests short. */
function valueText(path: string, value: unknown): string {
  if (typeof value === 'number' && path.endsWith('Bytes')) return bytesText(value)
  if (typeof value === 'number' && path.endsWith('Ms')) return durationText(value)
  if (typeof value === 'string') return path.startsWith('env.') ? JSON.stringify(value) : value
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
    return value.join(path.endsWith('run') ? ' ' : ', ') || 'none'
  }
  if (isObject(value)) {
    if (typeof value['digest'] === 'string') return digestText(value['digest'], value['image'])
    if (typeof value['secret'] === 'string') return `secret ${value['secret']}`
  }
  return JSON.stringify(value)
}

/** An image with its name, by which people know it. */
function digestText(digest: string, image: unknown): string {
  const short = digest.slice(0, digestShown)
  return typeof image === 'string' ? `${image}@${short}` : short
}

/** `sha256:` and twelve digits: enough to tell two apart. */
const digestShown = 'sha256:'.length + 12

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object'
}

function nameOf({ number, version }: { number: number; version: string }): string {
  return releaseName({ releaseNumber: number, version })
}
