import type { InstanceView } from '../../../src/wire/api.ts'
import type { Wording } from './states.ts'

/** What an agent says of an instance, as people read it. */

export type SeenState = NonNullable<InstanceView['observed']>['state']

/** The state of an instance of which nothing was heard since the server's start, or ever. */
export const notHeard: Wording = { word: 'Not heard of yet', tone: 'quiet' }

export const seenWords: Readonly<Record<SeenState, Wording>> = {
  pulling: { word: 'Fetching its artifact', tone: 'moving' },
  starting: { word: 'Starting', tone: 'moving' },
  warming: { word: 'Warming up', tone: 'moving' },
  ready: { word: 'Ready', tone: 'good' },
  unhealthy: { word: 'Unhealthy', tone: 'bad' },
  'backing-off': { word: 'Waits to start again', tone: 'bad' },
  stopping: { word: 'Stopping', tone: 'quiet' },
  exited: { word: 'Ended', tone: 'quiet' },
  refused: { word: 'Refused by its node', tone: 'bad' },
}

/** Its state in one word; where it serves nobody, the pool says more than "ready". */
export function instanceWording(seen: SeenState | null, pool: InstanceView['pool']): Wording {
  if (seen === null) return notHeard
  if (seen !== 'ready' || pool === 'online') return seenWords[seen]
  return pool === 'maintenance'
    ? { word: 'In maintenance', tone: 'warning' }
    : { word: 'Draining', tone: 'quiet' }
}

/** The same of a whole record, which may know better than its agent: it has ended, or has no place. */
export function recordWording(instance: InstanceView): Wording {
  const { state, desired, pool, observed } = instance
  if (state === 'ended') return { word: 'Ended', tone: 'quiet' }
  if (state === 'pending') return { word: 'Has no place', tone: 'bad' }
  if (desired === 'stopped') return { word: 'Stopping', tone: 'quiet' }
  return instanceWording(observed?.state ?? null, pool)
}
