import { expect } from 'vitest'
import type { RunAnswer } from '../../src/wire/jobs.ts'
import { get, invalid, post, type Answer, type BadInput } from './bad-input.ts'
import type { Target } from './target.ts'

/** Jobs that cannot be, and one that is asked for too often. What a manifest says of jobs is there. */

const jobs = '/v1/cells/local/default/apps/shop/jobs'

/** Runs of one job that may be open at once. */
const openRunsMax = 20

export const jobInputs: readonly BadInput[] = [
  {
    name: 'a run of a job that there is not',
    send: post('operator', `${jobs}/nope/run`, '{}'),
    answer: { status: 404, code: 'job-unknown' },
  },
  {
    name: 'a run of a job of an app that there is not',
    send: post('operator', '/v1/cells/local/default/apps/nope/jobs/long/run', '{}'),
    answer: { status: 404, code: 'job-unknown' },
  },
  ...['..%2f', 'a;b', '--help%20', 'LONG', '%E2%80%AElong', 'x'.repeat(41)].map((job) => ({
    name: `a run of a job called ${job}`,
    send: post('operator', `${jobs}/${job}/run`, '{}'),
    answer: job === '..%2f' ? { status: 400, code: 'path-not-canonical' } : invalid('/params/job'),
  })),
  {
    name: 'a run by an agent',
    send: post('agent', `${jobs}/long/run`, '{}'),
    answer: { status: 403, code: 'role-refused' },
  },
  {
    name: 'the runs of a job, -1 of them',
    send: get('operator', `${jobs}/long/runs?limit=-1`),
    answer: invalid('/query/limit'),
  },
  {
    name: 'a run that there is not, to be cancelled',
    send: post('operator', '/v1/runs/run-nope/cancel', '{}'),
    answer: { status: 404, code: 'run-unknown' },
  },
  {
    name: 'twenty runs of a job, and one more',
    send: async (target) => {
      await target.cancelRuns()
      for (let run = 0; run < openRunsMax; run++) {
        expect((await askOnce(target)).status).toBe(202)
      }
      return askOnce(target)
    },
    answer: { status: 429, code: 'runs-queued' },
  },
  {
    name: 'a run that is taken back twice',
    send: async (target) => {
      await target.cancelRuns()
      const { runId } = JSON.parse((await askOnce(target)).text) as RunAnswer
      await target.cancelRuns()
      return target.call('operator', 'POST', `/v1/runs/${runId}/cancel`, { body: {} })
    },
    answer: { status: 409, code: 'run-over' },
  },
]

function askOnce(target: Target): Promise<Answer> {
  return target.call('operator', 'POST', `${jobs}/long/run`)
}
