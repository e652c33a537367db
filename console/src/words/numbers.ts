/** Numbers as people read them; always through these, so that columns agree. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const oneDigit = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

/** What stands where a number is not known. */
export const unknown = '–'

/** `8,412`. */
export function count(value: number): string {
  return whole.format(value)
}

/** A rate per second: `182`, `3.4`, `0`. */
export function rate(value: number): string {
  return value > 0 && value < 9.95 ? oneDigit.format(value) : whole.format(value)
}

/** A latency: `0.8 ms`, `21 ms`, `1.2 s`; a dash where nothing was measured. */
export function latency(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return unknown
  if (ms < 10) return `${oneDigit.format(ms)} ms`
  if (ms < 1_000) return `${whole.format(ms)} ms`
  return `${oneDigit.format(ms / 1_000)} s`
}

/** A length of time: `4.2 s`, `38 s`, `2 min 5 s`, `1 h 12 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000
  if (seconds < 10) return `${oneDigit.format(seconds)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** Bytes in binary units: `512 MiB`, `7.6 GiB`, `12.5 TiB`. */
export function bytes(value: number): string {
  const mebibytes = value / 2 ** 20
  if (mebibytes < 1_000) return `${whole.format(mebibytes)} MiB`
  const gibibytes = mebibytes / 1_024
  if (gibibytes < 1_000) return `${oneDigit.format(gibibytes)} GiB`
  return `${oneDigit.format(gibibytes / 1_024)} TiB`
}

/** Cores: `0.5`, `2`. */
export function cores(value: number): string {
  return Number.isInteger(value) ? whole.format(value) : value.toFixed(2).replace(/0$/, '')
}

/** A share of 0 to 1: `0.1 %`, `2.35 %`, `20 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`
}

/** `1 request`, `2 requests`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}
