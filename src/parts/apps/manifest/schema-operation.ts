import Type, { type Static } from 'typebox'
import {
  block,
  budget,
  choice,
  count,
  commandLine,
  duration,
  list,
  name,
  named,
  percent,
  relativePath,
  text,
} from './schema.ts'

/** The grammar of what surrounds the services: resources, jobs, journeys, flags, alerts. */

const { Optional } = Type

export const ResourceBlock = block(
  {
    type: choice(['postgres', 'rabbitmq'], 'What it is.'),
    /** A queue has no version that anybody has to choose. */
    version: Optional(
      Type.String({
        pattern: '^[0-9]{1,4}(\\.[0-9]{1,4}){0,2}$',
        description: 'Its version, in quotes.',
        'x-expects': 'a version in quotes, such as "16"',
      }),
    ),
    size: choice(['small', 'medium', 'large'], 'How much of it.'),
    backup: Optional(
      block(
        {
          every: duration('Time between two backups.', { least: '5m', most: '30d' }),
          keep: duration('How long each is kept.', { least: '1d', most: '3650d' }),
          restoreTest: Optional(
            choice(['daily', 'weekly', 'monthly'], 'How often a restore is tried and verified.'),
          ),
        },
        'Copies, and the proof that they can be restored.',
      ),
    ),
  },
  'Something that the app needs and the platform creates.',
)
export type ResourceBlock = Static<typeof ResourceBlock>

export const Job = block(
  {
    service: name('The service whose code it runs.'),
    run: Optional(commandLine('The command.')),
    shell: Optional(text('A line for /bin/sh -c.')),
    at: Optional(text('When, as five fields of cron.', 'a schedule such as "0 3 * * *"')),
    timezone: Optional(
      text('Whose clock the schedule means; UTC by default.', 'a time zone such as Europe/Prague'),
    ),
    overlap: Optional(choice(['skip', 'queue', 'allow'], 'When the last run is still under way.')),
    late: Optional(duration('An alert goes out when it has not succeeded for so long.')),
    timeout: Optional(duration('A run that takes longer has failed.', { least: '1s', most: '7d' })),
    retries: Optional(count('Attempts after the first, when one fails.', 0, 10)),
  },
  'Something that runs to its end.',
)
export type Job = Static<typeof Job>

export const Journey = block(
  {
    script: relativePath('A browser script; it has to be among `release.files`.'),
    every: Optional(duration('How often it runs in production.', { least: '10s', most: '1d' })),
  },
  'A browser script that acts as a customer.',
)

export const Flag = block(
  {
    default: Type.Union([Type.Boolean(), Type.String({ maxLength: 1_000 }), Type.Number()], {
      description: 'Its value where nothing else is said.',
      'x-expects': 'true, false, a text or a number',
    }),
    owner: name('The team that answers for it.'),
    expires: Optional(
      Type.String({
        pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
        description: 'The day by which it should be gone.',
        'x-expects': 'a day such as "2027-03-01"',
        'x-fault': 'bad-date',
      }),
    ),
  },
  'A switch that is turned without a release.',
)
export type Flag = Static<typeof Flag>

const Mitigation = block(
  {
    flag: name('The flag that is set.'),
    set: Type.Union([Type.Boolean(), Type.String({ maxLength: 1_000 }), Type.Number()], {
      description: 'To what.',
      'x-expects': 'true, false, a text or a number',
    }),
    budget: budget('How often it may be done without a person.'),
  },
  'A bounded action that is tried before anybody is woken.',
)

/** An alert on a condition (`when`), or a promise with its error budget (`objective`). */
export const Alert = block(
  {
    when: Optional(text('The condition.', 'a condition such as rate(errors[3m]) > 1%')),
    do: Optional(list(Mitigation, 'Tried first; the page says how it went.')),
    page: Optional(name('The rota that is woken.')),
    runbook: Optional(relativePath('What to do, for whoever is woken.')),
    objective: Optional(
      percent('The share that has to go well.', { least: '50%', most: '99.999%' }),
    ),
    of: Optional(
      Type.String({
        pattern: '^(journeys|services)\\.[a-z][a-z0-9-]{0,39}$',
        description: 'What is promised: a journey or a service.',
        'x-expects': 'journeys.NAME or services.NAME',
      }),
    ),
    window: Optional(duration('Over which time.', { least: '1h', most: '366d' })),
    exhausted: Optional(
      block(
        { freeze: choice(['release'], 'What stops.') },
        'What follows when the budget is spent.',
      ),
    ),
  },
  'What somebody is woken for.',
)
export type Alert = Static<typeof Alert>

export const DeployBlock = block(
  {
    when: Optional(choice(['merged'], 'A merge deploys by itself.')),
    branch: Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$',
        description: 'Of this branch.',
        'x-expects': 'a branch such as main',
      }),
    ),
    from: Optional(name('Only what has run in this environment before.')),
  },
  'What brings a release here.',
)
export type DeployBlock = Static<typeof DeployBlock>

/** Names of these blocks, and their schemas: the same in the app and in every delta. */
export const operations = {
  resources: named(ResourceBlock, 'What the app needs, counted against the quota.'),
  jobs: named(Job, 'What runs to its end.'),
  journeys: named(Journey, 'Browser scripts, the same for tests and for production.'),
  flags: named(Flag, 'Switches that are turned without a release.'),
  alerts: named(Alert, 'What somebody is woken for.'),
}
