import { Command } from 'commander'
import type { WhyView } from '../wire/api.ts'
import { openContext } from './context.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, printTable, toned, type Tone } from './terminal/output.ts'

/** `roadstead why INSTANCE`: why it is where it is, or what would let it fit. */
export function whyCommand(): Command {
  return new Command('why')
    .description('say why an instance is where it is, or the smallest change that lets it fit')
    .argument('<instance>', 'a beginning of its id is enough')
    .addHelpText('after', '\nExample:\n  $ roadstead why i-7k3')
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const { resolveInstance } = await import('./api/names.ts')
      const instances = await context.client.instances({ ended: true })
      const why = await context.client.why(resolveInstance(id, instances).id)
      if (context.json) return printJson(why)
      await printWhy(why, context.clock.now())
    })
}

async function printWhy(why: WhyView, now: number): Promise<void> {
  print(`${why.instanceId}: ${why.because}`)
  if (why.image !== undefined) print(toned(`it runs ${why.image}`, 'quiet'))
  if (why.remark !== undefined) print(toned(why.remark, 'quiet'))
  if (why.throttled !== undefined) print(toned(why.throttled, 'moving'))
  if (why.fix !== null) print(`${toned('to make it fit:', 'well')} ${why.fix}`)
  if (why.nodes.length > 0) {
    print()
    await printTable(
      why.nodes,
      [
        { title: 'NODE', of: ({ nodeId }) => nodeId },
        { title: 'ZONE', of: ({ zone }) => zone },
        { title: 'VERDICT', of: ({ verdict }) => toned(verdict, tones[verdict]) },
        { title: 'BECAUSE', of: ({ because }) => because },
      ],
      '',
    )
  }
  if (why.events.length === 0) return
  print()
  await printTable(
    why.events,
    [
      { title: 'TIME', of: ({ at }) => timeText(at, now) },
      { title: 'WHO', of: ({ who }) => who },
      { title: 'WHAT HAPPENED', of: ({ why: sentence }) => sentence },
    ],
    '',
  )
}

const tones: Readonly<Record<WhyView['nodes'][number]['verdict'], Tone>> = {
  chosen: 'well',
  fits: 'quiet',
  refused: 'wrong',
}
