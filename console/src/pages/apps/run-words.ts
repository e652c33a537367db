import type { RunView } from '../../../../src/wire/jobs.ts'
import type { IconName } from '../../marks/icon.tsx'
import type { Wording } from '../../words/states.ts'

/** The words for the states of a run. */
export const runWords: Readonly<Record<RunView['state'], Wording & { readonly icon: IconName }>> = {
  waiting: { word: 'Waiting', tone: 'quiet', icon: 'queue' },
  running: { word: 'Running', tone: 'moving', icon: 'moving' },
  succeeded: { word: 'Succeeded', tone: 'good', icon: 'check' },
  failed: { word: 'Failed', tone: 'bad', icon: 'cross' },
  'timed-out': { word: 'Timed out', tone: 'bad', icon: 'cross' },
  cancelled: { word: 'Cancelled', tone: 'quiet', icon: 'cross' },
  skipped: { word: 'Left out', tone: 'quiet', icon: 'pause' },
}
