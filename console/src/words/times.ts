import { useSyncExternalStore } from 'react'

/** Times as people say them, ticking together. */

const clockTime = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const dayAndTime = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' })
const day = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' })

/** `just now`, `12 s ago`, `3 min ago`, `2 h ago`, `Nov 18`. A clock that runs ahead is no future. */
export function ago(at: number, now: number): string {
  const seconds = Math.floor((now - at) / 1_000)
  if (seconds < 2) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`
  return day.format(at)
}

/** `14:03:07`. */
export function timeOfDay(at: number): string {
  return clockTime.format(at)
}

/** `Nov 21, 2026, 2:03:07 PM`. */
export function fullTime(at: number): string {
  return dayAndTime.format(at)
}

let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined
const subscribers = new Set<() => void>()

/** The wall time, renewed each second for all who show one, by one timer. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now)
}

function subscribe(subscriber: () => void): () => void {
  subscribers.add(subscriber)
  if (timer === undefined) {
    // Nobody has looked at the time for a while: it may have stood still.
    now = Date.now()
    timer = setInterval(tick, 1_000)
  }
  return () => {
    subscribers.delete(subscriber)
    if (subscribers.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

function tick(): void {
  now = Date.now()
  for (const subscriber of subscribers) subscriber()
}
