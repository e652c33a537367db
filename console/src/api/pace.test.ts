import { expect, test } from 'vitest'
import { Pace } from './pace.ts'

/** A pace on a clock of the test's own; each round takes as long as the test says. */
function aPace() {
  let now = 0
  let waiting: { readonly at: number; readonly callback: () => void } | undefined
  const rounds: number[] = []
  const work = { takesMs: 0, fails: false }
  const pace = new Pace(
    async () => {
      rounds.push(now)
      now += work.takesMs
      if (work.fails) throw new Error('the server is away')
    },
    {
      now: () => now,
      after: (ms, callback) => {
        waiting = { at: now + ms, callback }
        return () => (waiting = undefined)
      },
    },
  )
  const pass = async (): Promise<void> => {
    if (waiting === undefined) return
    const { at, callback } = waiting
    waiting = undefined
    now = Math.max(now, at)
    callback()
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  return { pace, rounds, work, pass, later: (ms: number) => (now += ms), waits: () => waiting }
}

test('the first change after a quiet time is answered at once, a burst in one round', async () => {
  const { pace, rounds, pass } = aPace()
  for (let change = 0; change < 100; change++) pace.mark()
  await pass()
  expect(rounds).toEqual([40])
  pace.mark()
  await pass()
  expect(rounds).toEqual([40, 290])
})

test('a round that takes long leaves nine times as long to everything else', async () => {
  const { pace, rounds, work, pass } = aPace()
  work.takesMs = 200
  pace.mark()
  await pass()
  pace.mark()
  await pass()
  expect(rounds).toEqual([40, 2_040])
})

test('what fails is tried again at the next change', async () => {
  const { pace, rounds, work, pass } = aPace()
  work.fails = true
  pace.mark()
  await pass()
  pace.mark()
  await pass()
  expect(rounds).toHaveLength(2)
})

test('nothing runs after the stop', async () => {
  const { pace, rounds, pass, waits } = aPace()
  pace.mark()
  pace.stop()
  expect(waits()).toBeUndefined()
  await pass()
  expect(rounds).toEqual([])
})
