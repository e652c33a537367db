import Type, { type Static } from 'typebox'
import { journeysMax } from '../model.ts'
import {
  above,
  block,
  choice,
  commandLine,
  count,
  duration,
  list,
  name,
  percent,
  relativePath,
  rise,
} from './schema.ts'

/** The grammar of how a release goes out. */

const { Optional } = Type

const Maintenance = block(
  {
    portion: Optional(
      percent('The share of each service that goes first.', { least: '1%', most: '100%' }),
    ),
    min: Optional(count('At least so many instances.', 1, 1_000)),
  },
  'A portion starts in the maintenance pool, out of customers’ sight, and is warmed up: beside what ' +
    'runs, or, where there is no room, in the place of as many predecessors.',
)

const Test = block(
  {
    run: commandLine('The command; exit code 0 passes.'),
    timeout: Optional(duration('A run that takes longer has failed.', { least: '1s', most: '1d' })),
  },
  'A command run against the maintenance pool: ROADSTEAD_TARGET is that of the first service with a ' +
    'route, ROADSTEAD_TARGET_NAME that of each service which the release changes.',
)

/** Each is told by an exit code of its own when it fails: no more of them than codes. */
const Journeys = Type.Array(name('A journey.'), {
  minItems: 1,
  maxItems: journeysMax,
  description: 'Browser scripts run against the maintenance pool, one after the other.',
})

const Online = block(
  {
    weight: Optional(percent('The share of customers’ requests that it gets.', { most: '100%' })),
    sticky: Optional(choice(['customer'], 'A customer stays on the side where he is.')),
  },
  'The portion goes online.',
)

const Judge = block(
  {
    for: duration('How long the two are compared.', { least: '10s', most: '7d' }),
    against: choice(['baseline'], 'A fresh group of old instances of equal size.'),
    stop: block(
      {
        errors: Optional(percent('More of the app’s own errors than this.')),
        p50: Optional(rise('Slower by this than the baseline.')),
        p95: Optional(rise('Slower by this than the baseline.')),
        p99: Optional(rise('Slower by this than the baseline.')),
      },
      'What makes it fail.',
      { minProperties: 1 },
    ),
  },
  'Old and new are compared under customers’ load: pass, fail, or inconclusive, which holds.',
)

const Remaining = block(
  {
    batch: Optional(
      percent('The share of each service that follows at a time.', { least: '1%', most: '100%' }),
    ),
    pause: Optional(duration('Time between two batches.', { most: '1d' })),
  },
  'The remaining instances follow.',
)

/** One step: a block with exactly one of these keys. */
export const Step = block(
  {
    snapshot: Optional(name('The database that is copied first.')),
    migrate: Optional(
      choice(['expand'], 'Runs every service’s migration that keeps the old release working.'),
    ),
    maintenance: Optional(Maintenance),
    test: Optional(Test),
    journeys: Optional(Journeys),
    online: Optional(Online),
    judge: Optional(Judge),
    remaining: Optional(Remaining),
  },
  'One step of a release.',
  {
    minProperties: 1,
    maxProperties: 1,
    'x-expects': 'a step such as { maintenance: { portion: 25% } }',
  },
)
export type Step = Static<typeof Step>

const Afterwards = block(
  {
    soak: Optional(duration('Nothing but time.', { least: '1m', most: '90d' })),
    migrate: Optional(choice(['contract'], 'Runs every service’s contract.')),
  },
  'One thing that follows a release.',
  { minProperties: 1, maxProperties: 1, 'x-expects': 'a step such as { soak: 24h }' },
)

export const ReleaseBlock = block(
  {
    files: Optional(
      list(relativePath('A file or directory.'), 'What tests and journeys need goes along.'),
    ),
    order: Optional(choice(['needs'], 'Services go out after those that they need.')),
    steps: Optional(list(Step, 'How a release goes out, in this order.')),
    revertIf: Optional(
      block(
        { failedRequests: above('Requests that the platform failed, counted at the ingress.') },
        'What brings the earlier release back.',
      ),
    ),
    after: Optional(list(Afterwards, 'What follows later; a newer release cancels it.')),
  },
  'How a release goes out.',
  { 'x-fixed': true },
)
export type ReleaseBlock = Static<typeof ReleaseBlock>
