import type { AppView, RolloutView } from '../../../src/wire/api.ts'

/** The words for what the API tells in codes, and the tone that each is shown in. */

export type RolloutState = RolloutView['state']
export type RolloutStep = RolloutView['steps'][number]
export type Window = NonNullable<RolloutView['live']>

/** How something is meant: its colour, and always beside a word and an icon. */
export type Tone = 'good' | 'moving' | 'warning' | 'bad' | 'quiet'

export interface Wording {
  readonly word: string
  readonly tone: Tone
}

export const rolloutWords: Readonly<Record<RolloutState, Wording>> = {
  queued: { word: 'Queued', tone: 'quiet' },
  running: { word: 'Running', tone: 'moving' },
  reverting: { word: 'Reverting', tone: 'warning' },
  done: { word: 'Done', tone: 'good' },
  reverted: { word: 'Reverted', tone: 'warning' },
  failed: { word: 'Failed', tone: 'bad' },
  superseded: { word: 'Superseded', tone: 'quiet' },
  cancelled: { word: 'Cancelled', tone: 'quiet' },
}

export const healthWords: Readonly<Record<AppView['health'], Wording>> = {
  ok: { word: 'Healthy', tone: 'good' },
  degraded: { word: 'Degraded', tone: 'warning' },
  down: { word: 'Down', tone: 'bad' },
  rolling: { word: 'Rolling out', tone: 'moving' },
  stopped: { word: 'Stopped', tone: 'quiet' },
  destroying: { word: 'Being destroyed', tone: 'warning' },
}

export const stepWords: Readonly<Record<RolloutStep['state'], Wording>> = {
  waiting: { word: 'Waiting', tone: 'quiet' },
  running: { word: 'Running', tone: 'moving' },
  done: { word: 'Done', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  cancelled: { word: 'Left out', tone: 'quiet' },
}

/** What each cause of a failed request means to a reader. */
export const causeWords: Readonly<Record<string, string>> = {
  noServer: 'no server',
  refused: 'connection refused',
  reset: 'connection reset',
  timedOut: 'timed out',
  cut: 'cut while draining',
}

/** Rollouts in these states are over. */
export function isOver(state: RolloutState): boolean {
  return state !== 'queued' && state !== 'running' && state !== 'reverting'
}

/** What a release is called: the deployer's name for it, or its number. */
export function releaseWord(version: string, releaseNumber: number | null): string {
  if (version !== '') return version
  return releaseNumber === null ? 'no release' : `release ${releaseNumber}`
}
