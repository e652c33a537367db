import { Cron } from 'croner'
import type { Freeze, Gate } from '../../tenants/model.ts'
import type { Platform } from './platform.ts'

/** The gates of platform.yaml as they are kept and held against: by environment. */
export function gatesOf({ data }: Platform): Record<string, Gate> {
  const names = Object.keys(data.environments)
  return Object.fromEntries(names.map((name) => [name, gateOf(data, name)]))
}

/** The gate of one environment; empty where there is none. */
export function gateOf(data: Platform['data'], environment: string): Gate {
  const { approve, freeze } = data.environments[environment] ?? {}
  return {
    ...(approve === undefined
      ? {}
      : { approve: { ...approve, notAuthor: approve.notAuthor ?? false } }),
    ...(freeze === undefined || freeze.length === 0 ? {} : { freeze: freeze.map(freezeOf) }),
  }
}

type FreezeWritten = Pick<Freeze, 'from' | 'until' | 'timezone'>

function freezeOf({ from, until, timezone }: FreezeWritten): Freeze {
  const fromAt = instantOf(from, timezone)
  const untilAt = instantOf(until, timezone)
  return { from, until, timezone, fromAt, untilAt }
}

/**
 * The instant (wall ms) at which a zone's clock shows a day and a time. Where the clock is put back
 * over it, the first time counts; where it is put forward over it, the instant after the gap.
 */
function instantOf(written: string, timezone: string): number {
  const once = new Cron(`${written.replace(' ', 'T')}:00`, { timezone, paused: true })
  return once.nextRun(new Date(0))?.getTime() ?? 0
}
