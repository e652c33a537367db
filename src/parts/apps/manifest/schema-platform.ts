import Type, { type Static } from 'typebox'
import {
  block,
  bounds,
  choice,
  count,
  duration,
  list,
  name,
  named,
  size,
  text,
  yesNo,
} from './schema.ts'

/** The operators' file, platform.yaml. */

const { Optional } = Type

const price = (description: string) =>
  Type.Number({
    minimum: 0,
    maximum: 1_000_000,
    description,
    'x-expects': 'an amount such as 0.02',
  })

const NodeGroup = block(
  {
    engine: choice(['agents', 'kubernetes'], 'How work runs there.'),
    zones: list(name('A zone.'), 'What fails together.'),
    price: Optional(
      block(
        {
          cpuHour: Optional(price('Of one core for an hour.')),
          gibHour: Optional(price('Of one GiB of memory for an hour.')),
        },
        'What it costs.',
      ),
    ),
  },
  'Nodes that may serve the same purpose.',
)

const instant = (description: string) =>
  Type.String({
    pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$',
    description,
    'x-expects': 'a day and a time such as "2026-11-27 00:00"',
    'x-fault': 'bad-date',
  })

const Environment = block(
  {
    nodeGroup: name('Where its instances run.'),
    ttl: Optional(
      duration('Apps in it are removed after so long.', { least: '1h', most: '3650d' }),
    ),
    from: Optional(name('Only what has run in this environment before, by promotion.')),
    approve: Optional(
      block(
        {
          role: name('Who may approve.'),
          people: count('How many of them.', 1, 10),
          notAuthor: Optional(yesNo('Never whoever made the change.')),
        },
        'A release needs an approval.',
      ),
    ),
    freeze: Optional(
      list(
        block(
          {
            from: instant('From this time on.'),
            until: instant('To this one.'),
            timezone: text('Whose clock it means.', 'a time zone such as Europe/Prague'),
          },
          'A span without releases.',
        ),
        'When nothing is released.',
      ),
    ),
  },
  'One of dev, qa, prod and the like.',
)

const Tenant = block(
  {
    domains: Optional(
      named(
        text('A host.', 'a host such as www.shop.example'),
        '{cell.domain} in each environment.',
      ),
    ),
  },
  'A country, a brand or a customer.',
)

const Team = block(
  {
    quota: Optional(
      named(
        block(
          {
            cpu: Optional(
              Type.Number({ minimum: 0, maximum: 1_000_000, 'x-expects': 'a number of cores' }),
            ),
            memory: Optional(size('Memory in all.')),
            instances: Optional(count('Instances in all.', 0, 1_000_000)),
          },
          'The most that the team’s apps may ask for.',
        ),
        'By environment.',
      ),
    ),
  },
  'Whoever deploys apps.',
)

export const PlatformDocument = block(
  {
    roadstead: Type.Literal('v1', { description: 'The version of this grammar.' }),
    platform: name('The name of the platform.'),
    nodeGroups: named(NodeGroup, 'Nodes by purpose.', { least: 1 }),
    environments: named(Environment, 'Where releases go.', { least: 1, most: 32 }),
    tenants: Optional(named(Tenant, 'For whom.', { most: bounds.entries })),
    teams: Optional(named(Team, 'Who deploys.')),
  },
  'What the platform offers, and its gates.',
)
export type PlatformData = Static<typeof PlatformDocument>
