import { Command, InvalidArgumentError } from 'commander'
import { Refusal } from '../base/errors.ts'
import { platformKey, type AppCell } from '../parts/tenants/model.ts'
import type { HistoryAnswer, HistoryEntry } from '../wire/history.ts'
import type { HistoryFilter } from './api/client.ts'
import { openContext, type Context } from './context.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, remark, toned, type Tone } from './terminal/output.ts'

interface HistoryOptions {
  readonly lines: number
  readonly before?: number
}

/** `roadstead history OBJECT`: each change of it, with who, why, and what changed from what. */
export function historyCommand(): Command {
  return new Command('history')
    .description('print what became of an app, a service, an instance, a rollout, a node…')
    .argument(
      '<object>',
      '`shop`, `shop/storefront`, an id (i-…, ro-…, rel-…), a node, platform.yaml',
    )
    .option('-n, --lines <count>', 'the newest changes', countOf, 20)
    .option('--before <revision>', 'changes before this revision', revisionOf)
    .addHelpText('after', examples)
    .action(async (object: string, options: HistoryOptions, command: Command) => {
      const context = await openContext(command)
      const answer = await historyOf(context, object, options)
      if (context.json) return printJson(answer)
      for (const entry of answer.items) printEntry(entry, context.clock.now())
      if (answer.items.length === 0) remark('nothing further is kept of it')
      if (answer.next !== undefined) remark(`older: --before ${answer.next}`)
    })
}

const examples = `
Examples:
  $ roadstead history shop
  $ roadstead history shop/storefront -n 50
  $ roadstead history i-7k3`

async function historyOf(
  context: Context,
  object: string,
  { lines, before }: HistoryOptions,
): Promise<HistoryAnswer> {
  const page = { before, limit: lines }
  const filter = await filterOf(context, object)
  const answer = await context.client.history({ ...filter, ...page })
  if (answer.items.length > 0 || before !== undefined || answer.next !== undefined) return answer
  throw new Refusal('history-unknown', `nothing is kept of "${object}"`, {
    status: 404,
    hint: 'name an app, app/service, or a whole id; `roadstead ps --all` and `rollouts` list some',
  })
}

/** What the object's records are called. An id is taken whole when nothing of today begins so. */
async function filterOf(context: Context, object: string): Promise<Omit<HistoryFilter, 'limit'>> {
  const { client } = context
  if (object.startsWith('i-')) {
    const ids = (await client.instances({ ended: true })).map(({ id }) => id)
    return { name: wholeId(object, ids) }
  }
  if (object.startsWith('ro-')) {
    const ids = (await client.rollouts(rolloutsMax)).map(({ id }) => id)
    return { name: wholeId(object, ids) }
  }
  if (object === 'platform.yaml') return { key: platformKey }
  if (/^(?:rel|app|tok)-/.test(object)) return { name: object }
  const nodes = await client.nodes()
  if (nodes.some(({ id }) => id === object)) return { name: object }
  return appFilter(await appNamed(context, object))
}

/** Rollouts among which a short id is looked for: the server's own bound of one page. */
const rolloutsMax = 200

function wholeId(text: string, ids: readonly string[]): string {
  const found = ids.filter((id) => id.startsWith(text))
  const [only] = found
  if (only === undefined || ids.includes(text)) return text
  if (found.length === 1) return only
  throw new Refusal('instance-ambiguous', `${found.length} of them begin with "${text}"`, {
    hint: `type more of one of: ${found.slice(0, 8).join(', ')}`,
  })
}

interface Named extends AppCell {
  readonly service: string | undefined
}

/** The app or service, of today or, by its full name, of yesterday. */
async function appNamed({ client, cell }: Context, object: string): Promise<Named> {
  const { resolveAppOrService } = await import('./api/names.ts')
  try {
    const { app, service } = resolveAppOrService(object, await client.apps(), cell)
    return { ...app.at, service: service?.name }
  } catch (error) {
    const [app = '', service, ...rest] = object.split('/')
    if (!(error instanceof Refusal) || rest.length > 0 || !/^[a-z0-9-]{1,40}$/.test(app))
      throw error
    return { ...cell, app, service }
  }
}

function appFilter({ tenant, environment, app, service }: Named): Omit<HistoryFilter, 'limit'> {
  const of = (kind: string): string => `${kind}/${tenant}/${environment}/${app}/`
  if (service === undefined) return { key: `${of('app')},${of('release')}` }
  return { key: `${of('app')},${of('instance')},${of('listener')}`, service }
}

const tones: Readonly<Record<HistoryEntry['change'], Tone>> = {
  created: 'well',
  changed: 'moving',
  deleted: 'wrong',
}

/** Fields of something new that are printed: what it is shows in the first ones, --json has all. */
const createdFieldsMax = 12

function printEntry(entry: HistoryEntry, now: number): void {
  const { at, revision, who, what, why, key, change, fields } = entry
  const time = toned(`${timeText(at, now)} ${String(revision).padStart(6)}`, 'quiet')
  print(`${time} ${toned(change, tones[change])} ${nameOf(key)} by ${who} (${what}): ${why}`)
  const shown = change === 'created' ? fields.slice(0, createdFieldsMax) : fields
  const width = Math.max(0, ...shown.map(({ path }) => path.length))
  for (const { path, before, after } of shown) {
    const value = change === 'created' ? textOf(after) : `${textOf(before)} -> ${textOf(after)}`
    print(`    ${path.padEnd(width)}  ${value}`)
  }
  if (shown.length < fields.length) {
    print(toned(`    and ${fields.length - shown.length} more fields: --json`, 'quiet'))
  }
}

/** `instance i-7k3`: the kind, and the last part of the key that says something. */
function nameOf(key: string): string {
  const parts = key.split('/')
  return `${parts[0]} ${parts.findLast((part) => part !== '-') ?? ''}`
}

/** Characters of one value on a terminal. */
const valueCharsMax = 120

function textOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax - 1)}…`
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 500) return count
  throw new InvalidArgumentError('It must be a whole number from 1 to 500.')
}

function revisionOf(text: string): number {
  const revision = Number(text)
  if (Number.isSafeInteger(revision) && revision >= 1) return revision
  throw new InvalidArgumentError('It must be a revision, as the history prints them.')
}
