import { textIn, textsIn, durationMs, durationWords, isTrue, within } from '../values.ts'
import { placeholderIn } from './names.ts'
import type { ComposeService, Draft, Say } from './scene.ts'

/** Health checks: a container's own is asked as it is; who has none is asked for its port. */

/** Compose waits for ever; a start that takes longer than this has failed, in ms. */
const startDeadlineMs = 300_000

/** What compose takes where a check says nothing, in ms; `retries` are counted. */
const usual = { interval: 30_000, timeout: 30_000, retries: 3 } as const

/** What a manifest allows, in ms. */
const bounds = {
  every: { least: 100, most: 600_000 },
  timeout: { least: 50, most: 60_000 },
  startDeadline: { least: 1_000, most: 3_600_000 },
} as const

export function convertHealth(service: ComposeService, draft: Draft, say: Say): void {
  const check = within(service.node, 'healthcheck')
  const command = isTrue(within(service.node, 'healthcheck', 'disable')) ? [] : testOf(service)
  const placeholder = placeholderIn(command)
  if (placeholder !== undefined) {
    const said = `a manifest takes ${placeholder} for a word of its own, so the check is not carried`
    say('open', 'healthcheck', said, 'put the check into a script of the image')
  } else if (check !== undefined && (command[0] ?? '').trim() !== '') {
    carry(service, command, draft, say)
    return
  } else if (check !== undefined) {
    say('changed', 'healthcheck', 'the check of the image is not asked')
  }
  const startDeadline = durationWords(startDeadlineMs)
  if (draft.route !== undefined) {
    draft.health = { http: '/', startDeadline }
    const said = '`health: /`, since a route needs a check: GET / has to answer 200 to 399'
    say('changed', '', said, 'name a path that answers 200 when it is ready')
  } else if (draft.port !== undefined) {
    draft.health = { tcp: true, startDeadline }
    say('changed', '', `ready when port ${draft.port} accepts connections: it has no check`)
  }
}

/** The command; empty where there is none, or it is NONE. */
function testOf({ node }: ComposeService): string[] {
  const test = within(node, 'healthcheck', 'test')
  if (test === undefined) return []
  if (test.kind !== 'list') {
    const line = textIn(test) ?? ''
    return line === '' || line === 'NONE' ? [] : ['/bin/sh', '-c', line]
  }
  const [kind, ...words] = textsIn(test)
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', words.join(' ')]
  return kind === 'CMD' ? words : []
}

function carry(service: ComposeService, command: string[], draft: Draft, say: Say): void {
  const remarks: string[] = []
  const read = (key: string, otherwise: number): number => {
    const text = textIn(within(service.node, 'healthcheck', key))
    const found = text === undefined ? otherwise : durationMs(text)
    if (found === undefined) {
      const hint = 'for instance 10s or 1m30s'
      say('fault', `healthcheck.${key}`, `\`${text}\` is no duration`, hint)
    }
    return found ?? otherwise
  }
  const within_ = (key: keyof typeof bounds, ms: number): string => {
    const { least, most } = bounds[key]
    const bounded = Math.min(most, Math.max(least, ms))
    if (bounded !== ms) remarks.push(`\`${key}\` is ${durationWords(bounded)}, the bound`)
    return durationWords(bounded)
  }
  const interval = read('interval', usual.interval)
  const retries = Math.min(100, Math.max(1, retriesOf(service)))
  const patience = read('start_period', 0) + interval * retries
  draft.health = {
    exec: command,
    every: within_('every', interval),
    timeout: within_('timeout', read('timeout', usual.timeout)),
    passes: 1,
    fails: retries,
    startDeadline: within_('startDeadline', Math.max(startDeadlineMs, patience)),
  }
  if (within(service.node, 'healthcheck', 'start_interval') !== undefined) {
    remarks.push('`start_interval` is not carried: checks come at one pace')
  }
  if (within(service.node, 'healthcheck', 'start_period') !== undefined) {
    remarks.push('the start period is part of `startDeadline`')
  }
  const isSame = remarks.length === 0
  const said = '`health.exec`, inside of the container'
  say(isSame ? 'carried' : 'changed', 'healthcheck', [said, ...remarks].join('; '))
}

function retriesOf({ node }: ComposeService): number {
  const count = Number(textIn(within(node, 'healthcheck', 'retries')))
  return Number.isInteger(count) && count > 0 ? count : usual.retries
}
