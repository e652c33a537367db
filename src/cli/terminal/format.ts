/** Numbers and times as people read them; every function is pure. */

/** `8,412`: digits in groups of three, whatever the machine's locale. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `1 instance`, `2 instances`: a count with its noun. */
export function pluralText(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A duration in two figures at the most: `85 ms`, `4.1 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1_440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
  const hours = Math.floor(minutes / 60)
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

/** Age of a wall time, as short as a column wants it: `now`, `12s`, `4m`, `3h`, `9d`. */
export function ageText(at: number, now: number): string {
  const seconds = Math.floor((now - at) / 1_000)
  if (seconds < 1) return 'now'
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** `14:03:27` on this day, `2026-11-21 14:03:27` before; in the machine's time zone. */
export function timeText(at: number, now: number): string {
  const [day, time] = localParts(at)
  const [today] = localParts(now)
  return day === today ? time : `${day} ${time}`
}

/** Bytes in the unit that leaves at most four digits: `512 B`, `1.5 KiB`, `256 MiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024
    unit++
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit]}`
}

/** Requests in a second: `0`, `0.4`, `63`, `1,204`. */
export function rateText(perSecond: number): string {
  if (perSecond > 0 && perSecond < 10) return perSecond.toFixed(1)
  return countText(perSecond)
}

/** A latency, or `-` where nothing was measured. */
export function latencyText(ms: number | null): string {
  if (ms === null) return '-'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return durationText(ms)
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

function localParts(at: number): [day: string, time: string] {
  const date = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return [day, `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`]
}
