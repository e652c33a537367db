import { Command, InvalidArgumentError, Option } from 'commander'
import { systemRandom } from '../base/random.ts'
import { quantityOf } from '../parts/apps/manifest/units.ts'
import type { AppView } from '../wire/api.ts'
import { testLinkLife } from '../wire/test-link-life.ts'
import { openContext, type Context } from './context.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, printTable } from './terminal/output.ts'

interface TestLinkOptions {
  readonly release?: number
  readonly for?: number
  readonly list?: boolean
  readonly end?: string
}

/** 256 bits of chance: nobody guesses a link. */
const tokenBytes = 32

/** `roadstead test-link [APP]`: the token is made here; the server learns its digest only. */
export function testLinkCommand(): Command {
  return new Command('test-link')
    .description('make a link to the next version of an app, before customers see it')
    .argument('[app]', 'may be left out where there is one app')
    .option('--release <number>', 'another one than that of the rollout under way', numberOf)
    .option('--for <duration>', 'how long it is good, up to 7d (default: 1h)', lifeOf)
    .addOption(
      new Option('--list', 'print those that are good still').conflicts(['release', 'for']),
    )
    .addOption(new Option('--end <id>', 'end one').conflicts(['release', 'for', 'list']))
    .addHelpText('after', closing)
    .action(async (name: string | undefined, options: TestLinkOptions, command: Command) => {
      const context = await openContext(command)
      const { resolveApp } = await import('./api/names.ts')
      const app = resolveApp(name, await context.client.apps(), context.cell)
      if (options.list === true) return list(context, app)
      if (options.end !== undefined) return end(context, app, options.end)
      return make(context, app, options)
    })
}

const closing = `
Whoever opens the link meets that release in every service of the app, and nobody else does; the
services have to hand the header roadstead-release on when they call each other.
/.roadstead/test/end at the same host makes a browser a customer's again.

Examples:
  $ roadstead test-link shop
  $ roadstead test-link shop --release 7 --for 2d
  $ roadstead test-link shop --list`

async function make(
  { client, json, clock }: Context,
  { at }: AppView,
  options: TestLinkOptions,
): Promise<void> {
  const { digestOf } = await import('../base/digest.ts')
  const token = Buffer.from(systemRandom.bytes(tokenBytes)).toString('base64url')
  const made = await client.createTestLink(at, {
    hash: digestOf(token),
    ...(options.release === undefined ? {} : { releaseNumber: options.release }),
    ...(options.for === undefined ? {} : { forMs: options.for }),
  })
  const { entrances, ...view } = made
  const urls = entrances.map((entrance) => `${entrance}${token}`)
  const header = `roadstead-release: ${token}`
  if (json) return printJson({ ...view, token, urls, header })
  for (const url of urls) print(url)
  if (urls.length === 0) print(`${at.app} has no route: a browser has no way in, the header has`)
  print(`curl -H '${header}'`)
  const { releaseNumber, version, until, id } = view
  const what = `release ${releaseNumber}${version === '' ? '' : ` (${version})`}`
  print(`leads to ${what} until ${timeText(until, clock.now())}; end it: --end ${id}`)
}

async function list({ client, json, clock }: Context, { at }: AppView): Promise<void> {
  const links = await client.testLinks(at)
  if (json) return printJson(links)
  const now = clock.now()
  await printTable(
    links,
    [
      { title: 'LINK', of: ({ id }) => id },
      { title: 'RELEASE', of: ({ releaseNumber }) => String(releaseNumber) },
      { title: 'VERSION', of: ({ version }) => version || '-' },
      { title: 'BY', of: ({ createdBy }) => createdBy },
      { title: 'UNTIL', of: ({ until }) => timeText(until, now) },
    ],
    `${at.app} has no test link`,
  )
}

async function end({ client, json }: Context, { at }: AppView, id: string): Promise<void> {
  const written = await client.endTestLink(at, id)
  if (json) return printJson(written)
  print(`${id} leads nowhere any more`)
}

function numberOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError("It must be a release's number, such as 3.")
}

function lifeOf(text: string): number {
  const ms = quantityOf('duration', text) ?? 0
  if (ms >= testLinkLife.leastMs && ms <= testLinkLife.mostMs) return ms
  throw new InvalidArgumentError('It must be a time from 1s to 7d, such as 2h.')
}
