import { urlVariableOf } from '../../base/variables.ts'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { systemClock } from '../../base/clock.ts'
import { Fault, messageOf } from '../../base/errors.ts'
import { journeyExits } from '../../parts/jobs/model.ts'
import { startChromium } from './chromium.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What a journey is given; its script's default export takes it. */
interface JourneyContext {
  /** In a context of its own: no cookie of another journey, and `page.goto('/')` is the target. */
  readonly page: Page
  /** The maintenance pool of the first service with a route. */
  readonly target: string
  /** The same of any service that the release changes. */
  readonly url: (service: string) => string
}

const browserStartMs = 25_000

/**
 * Runs journeys, each `NAME=SCRIPT` with a script within `folder`, one after the other, and prints a
 * line or two for each. Answers the exit code: 0, or one of `journeyExits` for the first that failed.
 */
export async function runJourneys(
  limitMs: number,
  journeys: readonly string[],
  environment: Environment,
  folder: string,
): Promise<number> {
  let browser: Browser
  try {
    browser = await startChromium(environment, browserStartMs)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    print(error.message)
    return journeyExits.noBrowser
  }
  const codes: number[] = []
  for (const [index, journey] of journeys.entries()) {
    const [name = '', script = ''] = journey.split('=', 2)
    const passed = await runJourney(browser, { name, script, limitMs, environment, folder })
    if (!passed) codes.push(journeyExits.first + index)
  }
  await browser.close()
  return codes[0] ?? 0
}

interface Journey {
  readonly name: string
  readonly script: string
  readonly limitMs: number
  readonly environment: Environment
  readonly folder: string
}

async function runJourney(browser: Browser, journey: Journey): Promise<boolean> {
  const { name, environment, limitMs } = journey
  const startedAt = systemClock.monotonic()
  const took = (): string => `${((systemClock.monotonic() - startedAt) / 1_000).toFixed(1)} s`
  const target = environment['ROADSTEAD_TARGET']
  const path = resolve(journey.folder, journey.script)
  const context = await browser.newContext(target === undefined ? {} : { baseURL: target })
  try {
    const page = await context.newPage()
    const act = await actOf(path)
    const url = (service: string): string => urlOf(environment, service)
    await withinLimit(act({ page, target: target ?? '', url }), limitMs)
    print(`${name} passed in ${took()}`)
    return true
  } catch (error) {
    print(`${name} failed after ${took()}: ${messageOf(error)}`)
    const line = lineIn(path, error)
    if (line !== undefined) print(`  ${line}`)
    return false
  } finally {
    await context.close()
  }
}

async function actOf(path: string): Promise<(context: JourneyContext) => Promise<unknown>> {
  const script = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  const act = script.default
  if (typeof act !== 'function') {
    throw new Error('its script has no default export such as async ({ page }) => { … }')
  }
  return async (context) => (act as (given: JourneyContext) => unknown)(context)
}

/** Also of a promise that the journey has left alone: it is this journey's, and ends it. */
async function withinLimit(running: Promise<unknown>, limitMs: number): Promise<void> {
  const over = new AbortController()
  const stray = Promise.withResolvers<never>()
  process.once('unhandledRejection', stray.reject)
  const late = systemClock.sleep(limitMs, over.signal).then(() => {
    throw new Error(`it takes longer than ${limitMs / 1_000} s`)
  })
  late.catch(() => {})
  // What it still waits for is broken off with its page.
  running.catch(() => {})
  try {
    await Promise.race([running, late, stray.promise])
  } finally {
    process.off('unhandledRejection', stray.reject)
    over.abort()
  }
}

function urlOf(environment: Environment, service: string): string {
  const name = `ROADSTEAD_TARGET_${urlVariableOf(service).replace(/_URL$/, '')}`
  const url = environment[name]
  if (url !== undefined) return url
  throw new Error(
    `the release changes no service \`${service}\`, so there is nothing of it to test`,
  )
}

/** The first line of the journey's own script in an error's stack. */
function lineIn(path: string, error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return stack
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line.startsWith('at ') && line.includes(path))
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
