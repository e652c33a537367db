import type { JobState } from '../../src/parts/jobs/model.ts'
import type { AnyController } from '../../src/server/controllers.ts'
import type { Mutant } from './mutation.ts'

/** Mutants of jobs. */

const minuteMs = 60_000

export const jobMutants: readonly Mutant[] = [
  {
    name: 'slots-start-twice',
    breaks: 'What the schedule has decided is forgotten for a minute: its last time comes again.',
    caughtBy: ['S14'],
    mutation: () => {
      const forgotten = new Set<number>()
      return {
        controller: (controller) =>
          controller.name === 'jobs' ? forgetful(controller, forgotten) : controller,
      }
    },
  },
]

/** Each time comes twice, and no more: a world that starts it for ever would not go on. */
function forgetful(controller: AnyController, forgotten: Set<number>): AnyController {
  return {
    ...controller,
    plan(view, now) {
      const { state } = view as { state: JobState | null }
      if (state === null || forgotten.has(state.decidedUntil)) return controller.plan(view, now)
      forgotten.add(state.decidedUntil)
      const decidedUntil = state.decidedUntil - minuteMs
      return controller.plan({ ...(view as object), state: { ...state, decidedUntil } }, now)
    },
  }
}
