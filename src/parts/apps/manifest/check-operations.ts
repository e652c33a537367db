import { CronPattern } from 'croner'
import { spotAt, type CellView } from './cell-view.ts'
import { checkCommand } from './check-command.ts'
import { checkReference } from './check-reference.ts'
import { conditionProblem } from './condition.ts'
import type { FaultList, Spot } from './faults.ts'
import type { Alert, Job } from './schema-operation.ts'
import { closest, didYouMean } from './suggestion.ts'

/** Jobs, flags and alerts: what they name exists, and their times and conditions can be read. */
export function checkOperations(view: CellView): void {
  for (const [name, job] of view.jobs) checkJob(view, name, job)
  for (const [name, flag] of view.flags) {
    const spot = spotAt(view, 'flags', name, 'expires')
    if (flag.expires !== undefined) checkDay(flag.expires, spot, view.faults)
  }
  for (const [name, alert] of view.alerts) checkAlert(view, name, alert)
}

/** A release's own runs stand under these names, as `roadstead logs` shows them. */
const reservedJobs: ReadonlySet<string> = new Set(['test', 'migrate'])

function checkJob(view: CellView, name: string, job: Job): void {
  const at = ['jobs', name] as const
  if (reservedJobs.has(name)) {
    const message = `\`${name}\` is what a release's own runs are called`
    view.faults.add('bad-name', spotAt(view, ...at), message, `call it ${name}-data, for instance`)
  }
  checkServiceName(view, job.service, [...at, 'service'])
  if (job.run === undefined && job.shell === undefined) {
    view.faults.add(
      'run-missing',
      spotAt(view, ...at),
      `\`${name}\` does not say what runs`,
      'add run: …',
    )
  } else if (job.run !== undefined && job.shell !== undefined) {
    const message = `\`${name}\` has both run and shell`
    view.faults.add('run-twice', spotAt(view, ...at, 'shell'), message, 'keep one of the two')
  }
  checkCommand(view, job.run, ...at, 'run')
  if (job.at !== undefined) checkSchedule(job.at, spotAt(view, ...at, 'at'), view.faults)
  if (job.timezone !== undefined)
    checkTimezone(job.timezone, spotAt(view, ...at, 'timezone'), view.faults)
}

function checkServiceName(view: CellView, service: string, path: readonly string[]): void {
  if (view.serviceNames.includes(service)) return
  const hint = didYouMean(service, view.serviceNames, '')
  view.faults.add(
    'unknown-service',
    spotAt(view, ...path),
    `there is no service \`${service}\``,
    hint,
  )
}

/** Five fields of cron; croner knows what each may hold. */
function checkSchedule(schedule: string, spot: Spot, faults: FaultList): void {
  const fields = schedule.trim().split(/\s+/)
  const words = 'minute hour day month weekday, such as "0 3 * * *" for three in the morning'
  if (fields.length !== 5) {
    const count = fields.length === 1 ? 'one field' : `${fields.length} fields`
    const message = `the schedule has ${count}, not five`
    faults.add('bad-cron', spot, message, words)
    return
  }
  if (isPattern(schedule)) return
  const wrong = fields.findIndex((field, index) => !isField(field, index))
  const message =
    wrong < 0 ? 'the schedule cannot be read' : `\`${fields[wrong]}\` is no ${fieldNames[wrong]}`
  faults.add('bad-cron', spot, message, words)
}

const fieldNames = ['minute', 'hour', 'day', 'month', 'weekday'] as const

function isField(field: string, index: number): boolean {
  const fields = fieldNames.map((_name, position) => (position === index ? field : '*'))
  return isPattern(fields.join(' '))
}

function isPattern(pattern: string): boolean {
  try {
    // oxlint-disable-next-line no-new -- the constructor is croner's only way to check a pattern
    new CronPattern(pattern)
    return true
  } catch {
    return false
  }
}

/** A name from the list that the runtime has. */
export function checkTimezone(timezone: string, spot: Spot, faults: FaultList): void {
  const known = Intl.supportedValuesOf('timeZone')
  if (timezone === 'UTC' || known.includes(timezone)) return
  try {
    // oxlint-disable-next-line no-new -- old names, such as Europe/Kiev, are known but not listed
    new Intl.DateTimeFormat('en', { timeZone: timezone })
    if (/^[A-Z]/.test(timezone) && timezone.includes('/')) return
  } catch {
    // Not known at all: told below.
  }
  const near = closest(timezone, known) ?? known.find((zone) => zone.endsWith(`/${timezone}`))
  const hint = near === undefined ? 'for instance Europe/Prague, or UTC' : `did you mean ${near}?`
  faults.add('bad-timezone', spot, `there is no time zone \`${timezone}\``, hint)
}

/** A day that the calendar has. */
export function checkDay(day: string, spot: Spot, faults: FaultList): boolean {
  const [year = 0, month = 0, date = 0] = day.slice(0, 10).split('-').map(Number)
  const daysInMonth = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  const days = daysInMonth[month - 1]
  if (days !== undefined && date >= 1 && date <= days) return true
  faults.add(
    'bad-date',
    spot,
    `there is no day ${day.slice(0, 10)}`,
    'year-month-day, such as "2027-03-01"',
  )
  return false
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

function checkAlert(view: CellView, name: string, alert: Alert): void {
  const at = ['alerts', name] as const
  const isPromise = alert.objective !== undefined
  if (isPromise === (alert.when !== undefined)) {
    const message = isPromise
      ? `\`${name}\` has both when and objective`
      : `\`${name}\` says neither when nor objective`
    const hint =
      'when: … with page: … for an alert; objective: … with of: and window: for a promise'
    view.faults.add('bad-expression', spotAt(view, ...at), message, hint)
    return
  }
  const wanted = isPromise ? (['of', 'window'] as const) : (['page'] as const)
  for (const key of wanted) {
    if (alert[key] !== undefined) continue
    const what = isPromise ? 'a promise' : 'an alert'
    const example = { of: 'journeys.buy', window: '30d', page: 'NAME-OF-A-ROTA' }[key]
    view.faults.add(
      'missing-key',
      spotAt(view, ...at),
      `\`${name}\` has no \`${key}\`, as ${what} must`,
      `add ${key}: ${example}`,
    )
  }
  if (alert.when !== undefined) {
    const problem = conditionProblem(alert.when, view.serviceNames)
    if (problem !== undefined)
      view.faults.add(problem.code, spotAt(view, ...at, 'when'), problem.message, problem.hint)
  }
  for (const [index, action] of (alert.do ?? []).entries()) {
    checkReference(view, 'flags', 'flag', action.flag, [...at, 'do', String(index), 'flag'])
  }
  const [block, referred] = alert.of?.split('.') ?? []
  if (block === 'services') checkServiceName(view, referred ?? '', [...at, 'of'])
  if (block === 'journeys')
    checkReference(view, 'journeys', 'journey', referred ?? '', [...at, 'of'])
}
