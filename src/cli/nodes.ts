import { Command } from 'commander'
import type { NodeView } from '../wire/api.ts'
import { appCellName } from '../parts/tenants/model.ts'
import { openContext, type Context } from './context.ts'
import { ageText, bytesText } from './terminal/format.ts'
import { print, printJson, printTable, remark, toned, type Tone } from './terminal/output.ts'

/** `roadstead nodes`: the machines, what they have and what of it is taken. */
export function nodesCommand(): Command {
  return new Command('nodes')
    .description('print the nodes: what each has, and what of it is reserved')
    .option('-i, --instances', 'what lies on each of them')
    .addHelpText('after', '\nExamples:\n  $ roadstead nodes --json\n  $ roadstead nodes -i')
    .action(async (options: { instances?: boolean }, command: Command) => {
      const context = await openContext(command)
      if (options.instances === true) return printPacking(context)
      const nodes = await context.client.nodes()
      if (context.json) return printJson(nodes)
      const now = context.clock.now()
      await printTable(
        nodes,
        [
          { title: 'NODE', of: ({ id }) => id },
          { title: 'STATUS', of: ({ status }) => toned(status, tones[status]) },
          { title: 'ZONE', of: ({ zone }) => zone },
          { title: 'ADDRESS', of: ({ address }) => address },
          { title: 'RUNS', of: ({ drivers = ['process'] }) => drivers.join(', ') },
          { title: 'INSTANCES', align: 'right', of: ({ reserved }) => String(reserved.instances) },
          { title: 'CPU', align: 'right', of: cpuText },
          { title: 'MEMORY', align: 'right', of: memoryText },
          { title: 'DISK', align: 'right', of: diskText },
          { title: 'HEARD', align: 'right', of: ({ heardAt }) => heardText(heardAt, now) },
        ],
        'no node has registered yet',
      )
    })
    .addCommand(giveUpCommand())
}

/** What lies on each node, over all cells. */
async function printPacking(context: Context): Promise<void> {
  const pages = await context.client.packing()
  const rows = pages.flatMap(({ items, services }) =>
    items.flatMap(({ nodeId, instances }) =>
      instances.map(({ service, ...instance }) => ({ nodeId, ...services[service], ...instance })),
    ),
  )
  if (context.json) return printJson(rows)
  await printTable(
    rows,
    [
      { title: 'NODE', of: ({ nodeId }) => nodeId },
      { title: 'INSTANCE', of: ({ id }) => id },
      { title: 'SERVICE', of: ({ at, service }) => `${at && appCellName(at)}/${service}` },
      { title: 'STATE', of: ({ state }) => state ?? 'not heard' },
      { title: 'POOL', of: ({ pool }) => pool },
      { title: 'CPU', align: 'right', of: ({ cpu }) => trimmed(cpu) },
      { title: 'MEMORY', align: 'right', of: ({ memoryBytes }) => bytesText(memoryBytes) },
    ],
    'nothing lies on any node',
  )
  const unplaced = pages[0]?.unplaced ?? 0
  if (unplaced > 0) remark(`${unplaced} more wait for a place: \`roadstead why\` says why`)
}

/** `roadstead nodes give-up NODE…`: a person says that these machines are off. */
function giveUpCommand(): Command {
  return new Command('give-up')
    .description('say that the machines of silent nodes are off, so that others take their place')
    .argument('<node...>')
    .addHelpText('after', giveUpHelp)
    .action(async (nodes: string[], _options: unknown, command: Command) => {
      const context = await openContext(command)
      const written = []
      for (const node of nodes) {
        written.push({ node, ...(await context.client.giveUpNode(node)) })
        if (!context.json) print(`${node} is given up; its instances are replaced elsewhere`)
      }
      if (context.json) printJson(written)
    })
}

const giveUpHelp = `
When more than 30 % of the nodes fall silent together, nothing is replaced: it may be the network.
Only do this once the machines are off: what still runs there would run twice.

Example:
  $ roadstead nodes give-up rack4-1 rack4-2`

const tones: Readonly<Record<NodeView['status'], Tone>> = {
  ready: 'well',
  lost: 'wrong',
  unknown: 'moving',
}

function cpuText({ reserved, capacity }: NodeView): string {
  return `${trimmed(reserved.cpu)}/${trimmed(capacity.cpu)}`
}

function memoryText({ reserved, capacity }: NodeView): string {
  return `${bytesText(reserved.memoryBytes)}/${bytesText(capacity.memoryBytes)}`
}

function diskText({ reserved, capacity }: NodeView): string {
  return `${bytesText(reserved.diskBytes)}/${bytesText(capacity.diskBytes)}`
}

function heardText(heardAt: number | null, now: number): string {
  return heardAt === null ? 'never' : ageText(heardAt, now)
}

function trimmed(cores: number): string {
  return String(Math.round(cores * 100) / 100)
}
