import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { Refusal } from '../base/errors.ts'
import type { InstanceRecord } from '../agent/instance-facts.ts'
import { print, printJson, printTable } from './terminal/output.ts'

/**
 * Break-glass (rule 12 of docs/reference/rules.md): what runs on this machine and what it printed,
 * from the agent's own files, with no server and no agent. It changes nothing.
 */
export function localCommand(): Command {
  return new Command('local')
    .description('print what runs on this machine, from its own files: without any server')
    .argument('[instance]', 'print what this one printed last, instead')
    .option('--data <folder>', "the agent's data (ROADSTEAD_DATA; ./.roadstead)")
    .option('--tail <lines>', 'lines of each stream', linesOf, 50)
    .addHelpText('after', closing)
    .action(run)
}

const closing = `
Run it on the node, as the user who runs the agent. Instances run on without agent and server; an
agent that is started without a server takes them over and restarts what dies.

Examples:
  $ roadstead local
  $ roadstead local i-7k3m9q2x --tail 200`

/** An instance as its node's files tell of it. */
interface LocalInstance {
  readonly id: string
  readonly service: string
  readonly release: string
  /** What the agent noted last. */
  readonly state: string
  readonly port: number | null
  readonly pid: number | null
  /** Whether that very process is alive now. */
  readonly alive: boolean
  readonly because: string
}

async function run(
  instance: string | undefined,
  options: { readonly data?: string; readonly tail: number },
  command: Command,
): Promise<void> {
  const folder = resolve(options.data ?? process.env['ROADSTEAD_DATA'] ?? '.roadstead', 'agent')
  if (!existsSync(folder)) {
    throw new Refusal('agent-data-missing', `there is no agent's data in ${folder}`, {
      hint: 'name the folder that `roadstead agent` was started with: --data',
    })
  }
  if (instance !== undefined) return printOutput(join(folder, 'instances', instance), options.tail)
  const instances = await localInstances(join(folder, 'records'))
  if (command.optsWithGlobals<{ json?: boolean }>().json === true) return printJson(instances)
  await printTable(
    instances,
    [
      { title: 'INSTANCE', of: ({ id }) => id },
      { title: 'SERVICE', of: ({ service }) => service },
      { title: 'ALIVE', of: ({ alive }) => (alive ? 'yes' : 'no') },
      { title: 'NOTED', of: ({ state }) => state },
      { title: 'PORT', align: 'right', of: ({ port }) => String(port ?? '-') },
      { title: 'PID', align: 'right', of: ({ pid }) => String(pid ?? '-') },
      { title: 'BECAUSE', of: ({ because }) => because },
    ],
    'this machine knows of no instance',
  )
}

async function localInstances(records: string): Promise<LocalInstance[]> {
  const names = existsSync(records) ? await readdir(records) : []
  const found: LocalInstance[] = []
  for (const name of names.filter((one) => one.endsWith('.json')).toSorted()) {
    const record = await readRecord(join(records, name))
    if (record !== undefined) found.push(await viewOf(record))
  }
  return found
}

async function readRecord(path: string): Promise<InstanceRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as InstanceRecord
  } catch {
    // Just being replaced, or damaged: the others are worth the more.
    return undefined
  }
}

async function viewOf({ assigned, observed }: InstanceRecord): Promise<LocalInstance> {
  const { pid } = observed
  return {
    id: assigned.instanceId,
    service: `${assigned.at.app}/${assigned.service}`,
    release: assigned.releaseId,
    state: observed.state,
    port: assigned.port,
    pid,
    alive: pid !== null && (await carriesMark(pid, assigned.instanceId)),
    because: observed.because,
  }
}

/** A pid may have been given anew: its environment says whose process it is. */
async function carriesMark(pid: number, instanceId: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
  return environment.split('\0').includes(`ROADSTEAD_INSTANCE=${instanceId}`)
}

async function printOutput(home: string, tail: number): Promise<void> {
  if (!existsSync(home)) {
    throw new Refusal(
      'instance-unknown',
      `this machine has no files of ${home.split('/').at(-1)}`,
      {
        status: 404,
        hint: '`roadstead local` lists those that it has',
      },
    )
  }
  for (const stream of ['stdout', 'stderr']) {
    const text = await outputOf(home, stream)
    const lines = text.split('\n').filter((line) => line !== '')
    for (const line of lines.slice(-tail)) print(stream === 'stderr' ? `! ${line}` : line)
  }
}

/** The last two segments of a stream: each holds up to 8 MiB. */
async function outputOf(home: string, stream: string): Promise<string> {
  const start = `${stream}.`
  const numbers = (await readdir(home))
    .filter((name) => name.startsWith(start))
    .map((name) => Number(name.slice(start.length)))
    .filter((number) => Number.isInteger(number))
    .toSorted((a, b) => a - b)
  const texts = numbers
    .slice(-2)
    .map((number) => readFile(join(home, `${stream}.${number}`), 'utf8'))
  return (await Promise.all(texts)).join('')
}

function linesOf(text: string): number {
  const lines = Number(text)
  if (Number.isInteger(lines) && lines > 0 && lines <= 10_000) return lines
  throw new InvalidArgumentError('It must be a number of lines from 1 to 10000.')
}
