import Type, { type Static } from 'typebox'
import { capabilities } from '../model.ts'
import { Build } from './schema-build.ts'
import {
  absolutePath,
  block,
  bounds,
  choice,
  commandLine,
  cores,
  count,
  duration,
  list,
  name,
  named,
  percent,
  relativePath,
  size,
  text,
  urlPath,
  urlTarget,
  yesNo,
} from './schema.ts'

/** The grammar of one service. Every schema here is of the whole block: delta.ts makes parts. */

const { Optional } = Type

export const Spread = block(
  {
    zone: Optional(
      choice(
        ['prefer', 'require', 'none'],
        'Apart by zone; `require`: no zone holds two more than another.',
      ),
    ),
    node: Optional(
      choice(['prefer', 'require', 'none'], 'Apart by node; `require`: never two on one.'),
    ),
  },
  'How instances stand apart: `prefer` if possible, `require` or one waits, `none` anywhere.',
  { 'x-fixed': true },
)

export const Stop = block(
  {
    drain: Optional(duration('Time for requests under way to end before SIGTERM.', { most: '1h' })),
    grace: Optional(duration('From SIGTERM to SIGKILL.', { least: '1s', most: '1h' })),
  },
  'How an instance ends.',
)

export const Health = block(
  {
    http: Optional(urlPath('A GET of this path on $PORT answers with 200 to 399.')),
    tcp: Optional(Type.Literal(true, { description: '$PORT accepts connections.' })),
    exec: Optional(commandLine('The command ends with exit code 0.')),
    every: Optional(duration('Time between two checks.', { least: '100ms', most: '10m' })),
    timeout: Optional(
      duration('A check that takes longer has failed.', { least: '50ms', most: '1m' }),
    ),
    passes: Optional(count('Successes in a row that make an instance ready.', 1, 100)),
    fails: Optional(count('Failures in a row that make a ready instance unhealthy.', 1, 100)),
    startDeadline: Optional(
      duration('An instance that is not ready by then has failed to start.', {
        least: '1s',
        most: '1h',
      }),
    ),
  },
  'How an instance shows that it can serve; one of http, tcp and exec.',
)

export const Route = block(
  {
    host: text('The host that customers ask for.', 'a host such as shop.example.org'),
    path: Optional(urlPath('Requests to this path and below.')),
    expose: Optional(
      choice(
        ['public', 'private', 'admin'],
        'Who can reach it: anyone, the company, or operators alone.',
      ),
    ),
  },
  'Host and path that lead to the service.',
)

export const Target = block(
  {
    rps: Optional(count('Requests per second and instance.', 1, 1_000_000)),
    cpu: Optional(percent('Use of the cores asked for.', { least: '1%', most: '100%' })),
    p95: Optional(duration('Time in which 95 of 100 requests are answered.', { least: '1ms' })),
    queue: Optional(
      block(
        {
          of: name('The resource that holds the queue.'),
          name: text("The queue's name."),
          each: count('Messages waiting, per instance.', 1, 10_000_000),
        },
        'Messages that wait.',
      ),
    ),
  },
  'What one instance should bear; the most demanding figure decides.',
  { 'x-whole': true, minProperties: 1 },
)

export const Scale = block(
  {
    min: count('Never fewer instances.', 1, bounds.instances),
    max: count('Never more.', 1, bounds.instances),
    target: Target,
    up: Optional(duration('Load has to last this long before instances are added.')),
    down: Optional(duration('Calm has to last this long before instances are removed.')),
  },
  'The number of instances follows the load.',
)

export const Migrate = block(
  {
    resource: Optional(name('The database that is migrated; none where `env` names it.')),
    expand: Optional(commandLine('The old release must keep working after it.')),
    contract: Optional(commandLine('Runs when no old instance is left, and closes the way back.')),
    undo: Optional(commandLine('Never run unless asked for by name.')),
    timeout: Optional(duration('A run that takes longer has failed.', { least: '1s', most: '1d' })),
  },
  'Changes of a schema: one run per cell, under a lock.',
)

export const Warmup = block(
  {
    get: Type.Union([urlTarget('One path.'), list(urlTarget('A path.'), 'Several.')], {
      description: 'Paths that are requested before the first customer comes.',
      'x-expects': 'a path such as /, or a list of paths',
    }),
    times: Optional(count('How often each.', 1, 1_000)),
  },
  'Requests before the first customer’s.',
)

export const Assets = block(
  {
    directory: relativePath('The folder below the source that the files lie in.'),
    keep: Optional(
      duration('How long after their version they are still answered.', {
        least: '1s',
        most: '30d',
      }),
    ),
  },
  'Static files that a browser may still ask for when the version they came with is gone.',
)

/** `api`, or `stock/levels`: a service of another app. */
const needPattern = '^[a-z][a-z0-9-]{0,39}(/[a-z][a-z0-9-]{0,39})?$'
const needKeys = 'the name of a service, or app/service'

export const Needs = Type.Union(
  [
    Type.Array(
      Type.String({ pattern: needPattern, 'x-expects': needKeys, 'x-fault': 'bad-name' }),
      { maxItems: bounds.services },
    ),
    named(
      named(
        Type.String({
          minLength: 1,
          maxLength: 100,
          description: 'A semver range of the interface.',
          'x-expects': 'a version range such as ^2.1',
        }),
        'Interfaces and the versions that are understood.',
      ),
      'Services, each with the interfaces that are used.',
      { pattern: needPattern, keys: needKeys },
    ),
  ],
  {
    description: 'Services that this one calls; each is given as NAME_URL, and released first.',
    'x-expects': 'a list of services such as [api, search], or a map of them',
  },
)

export const Env = named(
  Type.Union([Type.String({ maxLength: bounds.text }), Type.Number(), Type.Boolean()], {
    'x-expects': 'a text',
  }),
  'Environment variables; a number or true and false are taken as they are spelled.',
  // Some programs take their settings from variables with dots, which only shells cannot name.
  { pattern: '^[A-Za-z_][A-Za-z0-9_.]{0,127}$', keys: 'a variable such as LOG_LEVEL' },
)

export const Secrets = named(
  Type.String({
    pattern: '^[a-z0-9][a-z0-9-]{0,39}(/[a-z0-9][a-z0-9-]{0,39}){1,3}$',
    description: 'The reference of a secret, such as psp/api-key; never the secret.',
    'x-expects': 'the reference of a secret, such as psp/api-key',
    'x-fault': 'secret-value',
  }),
  'Environment variables whose values are secrets, by reference.',
  { pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$', keys: 'a variable such as PSP_KEY' },
)

export const Volumes = named(
  absolutePath('Where a container finds it; every program is told by VOLUME_NAME.'),
  'Folders of the node that outlive instances, each by its name; never copied, never backed up.',
  { most: bounds.volumes },
)

/** As of `absolutePath`, of which keys cannot have the look-aheads. */
export const mountPattern = '^(/\\.{0,2}[^\\s:,/\\\\.][^\\s:,/\\\\]{0,99}){1,16}/?$'

export const Mounts = named(
  Type.Union(
    [
      relativePath('A file or folder beside the manifest.'),
      block(
        { content: Type.String({ maxLength: bounds.text, description: 'What the file holds.' }) },
        'A file that stands in the manifest itself.',
      ),
    ],
    {
      'x-whole': true,
      'x-expects': 'a file or folder such as conf/nginx.conf, or { content: … }',
    },
  ),
  'Files that instances see read-only, by their paths inside; they are packed with each release.',
  {
    pattern: mountPattern,
    keys: 'an absolute path such as /etc/nginx/nginx.conf',
    most: bounds.mounts,
  },
)

/** A name or a number, and a group's. */
const userPattern = '^([a-z_][a-z0-9_-]{0,31}|[0-9]{1,9})(:([a-z_][a-z0-9_-]{0,31}|[0-9]{1,9}))?$'

export const User = Type.Union(
  [Type.String({ pattern: userPattern }), Type.Integer({ minimum: 0, maximum: 999_999_999 })],
  {
    description:
      'Who the container runs as, in place of the user that its image names; never root.',
    'x-expects': 'a user such as 1000, 1000:1000 or postgres',
  },
)

const shared = {
  source: Optional(relativePath('The directory that is packed; honours .gitignore.')),
  image: Optional(text('An OCI image; resolved to its digest at release.', 'an image')),
  instances: Optional(count('How many copies run.', 1, bounds.instances)),
  cpu: Optional(cores('Cores per instance.')),
  memory: Optional(size('Memory per instance.', { least: '1MiB', most: '4TiB' })),
  disk: Optional(size('Disk per instance.', { least: '1MiB', most: '64TiB' })),
  limits: Optional(
    choice(['required'], 'A process runs only where the node holds it to cpu, memory and pids.'),
  ),
  spread: Optional(Spread),
  stop: Optional(Stop),
  health: Optional(
    Type.Union([urlPath('Short for { http: … }.'), Health], {
      description: 'How an instance shows that it can serve.',
      'x-whole': true,
      'x-expects': 'a path such as /healthz, or a block such as { http: /healthz }',
    }),
  ),
  env: Optional(Env),
  secrets: Optional(Secrets),
  uses: Optional(list(name('A resource.'), 'Resources whose addresses are injected.')),
  scale: Optional(Scale),
  warmup: Optional(Warmup),
}

/** What every service inherits. */
export const Defaults = block(shared, 'What every service inherits.')

export const Service = block(
  {
    run: Optional(commandLine('The command; split at spaces, without a shell.')),
    shell: Optional(text('A line for /bin/sh -c.', 'a line for the shell')),
    ...shared,
    worker: Optional(yesNo('No port: it takes its work from somewhere else.')),
    singleton: Optional(yesNo('At most one, and the old one stops before the new one starts.')),
    route: Optional(
      Type.Union([text('Short for { host: … }.', 'a host'), Route], {
        description: 'Host and path that lead to the service.',
        'x-whole': true,
        'x-expects': 'a host such as shop.example.org, or { host: …, path: … }',
      }),
    ),
    needs: Optional(Needs),
    provides: Optional(
      named(
        Type.String({
          description: 'A semver version.',
          maxLength: 100,
          'x-expects': 'a version such as 2.3.0',
        }),
        'Interfaces and their versions.',
      ),
    ),
    migrate: Optional(Migrate),
    build: Optional(
      Type.Union([relativePath('Short for { context: … }.'), Build], {
        description: 'A folder with a Dockerfile that the image is built from, at deploy.',
        'x-whole': true,
        'x-expects': 'a folder such as ./web, or { context: …, dockerfile: … }',
      }),
    ),
    assets: Optional(
      Type.Union([relativePath('Short for { directory: … }.'), Assets], {
        description: 'Static files of earlier versions that this one goes on to answer.',
        'x-whole': true,
        'x-expects': 'a folder such as public/assets, or { directory: …, keep: … }',
      }),
    ),
    args: Optional(
      list(
        Type.String({ maxLength: bounds.text, 'x-expects': 'a text' }),
        "What the image's own entrypoint is given, in place of the image's arguments.",
      ),
    ),
    port: Optional(
      count(
        'The port that the program insists on, in a network of its own; the node gives another outside.',
        1,
        65_535,
      ),
    ),
    volumes: Optional(Volumes),
    mounts: Optional(Mounts),
    capabilities: Optional(
      list(
        choice([...capabilities], 'A capability of the kernel.'),
        'What the container may do beyond an ordinary user; without it nothing.',
      ),
    ),
    user: Optional(User),
    workingDirectory: Optional(
      absolutePath('Where the container starts, in place of the folder that its image names.'),
    ),
    writable: Optional(yesNo('The container may write to its root file system; lost at its end.')),
  },
  'A component that runs all the time.',
)
export type Service = Static<typeof Service>
export type Health = Static<typeof Health>
export type Route = Static<typeof Route>
export type Assets = Static<typeof Assets>
