import { useSyncExternalStore } from 'react'
import type { Action, ActionAnswer } from './action.ts'

/** What was asked for and taken by the server, told for a while at the foot of the page. */

export interface Told {
  readonly action: Action
  readonly answer: ActionAnswer
}

interface Notice extends Told {
  readonly id: number
}

/** Long enough to read a sentence and follow its link, in ms. */
const shownMs = 10_000
/** More at once would cover the page; the oldest goes. */
const shownMax = 3

let notices: readonly Notice[] = []
let lastId = 0
const subscribers = new Set<() => void>()

export function tell(told: Told): void {
  const id = ++lastId
  set([...notices, { ...told, id }].slice(-shownMax))
  setTimeout(() => dismiss(id), shownMs)
}

export function dismiss(id: number): void {
  if (notices.some((notice) => notice.id === id)) set(notices.filter((one) => one.id !== id))
}

export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(subscribe, () => notices)
}

function subscribe(subscriber: () => void): () => void {
  subscribers.add(subscriber)
  return () => subscribers.delete(subscriber)
}

function set(next: readonly Notice[]): void {
  notices = next
  for (const subscriber of subscribers) subscriber()
}
