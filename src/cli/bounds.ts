import { Command } from 'commander'
import type { BoundView } from '../wire/bounds.ts'
import { openContext } from './context.ts'
import { bytesText, countText } from './terminal/format.ts'
import { printJson, printTable, toned } from './terminal/output.ts'

/** From this share on a bound is worth a look, and from that on it is about to bite. */
export const boundTones = { worthALook: 0.8, full: 1 } as const

/** `roadstead bounds`: how full everything is that grows, the fullest first. */
export function boundsCommand(): Command {
  return new Command('bounds')
    .description('print how full queues, streams and histories are, the fullest first')
    .addHelpText('after', '\nExample:\n  $ roadstead bounds')
    .action(async (_options: unknown, command: Command) => {
      const context = await openContext(command)
      const bounds = await context.client.bounds()
      const fullest = bounds.toSorted((a, b) => shareOf(b) - shareOf(a))
      if (context.json) return printJson(fullest)
      await printTable(
        fullest,
        [
          { title: 'BOUND', of: ({ name }) => name },
          { title: 'FULL', align: 'right', of: fullText },
          { title: 'USED', align: 'right', of: (bound) => amountText(bound, bound.used) },
          { title: 'LIMIT', align: 'right', of: (bound) => amountText(bound, bound.limit) },
          { title: 'LOST', align: 'right', of: lostText },
          { title: 'WHAT IT IS', of: ({ says }) => says },
        ],
        'no bounds',
      )
    })
}

/** How full it is; 1 is all. */
export function shareOf({ used, limit }: Pick<BoundView, 'used' | 'limit'>): number {
  return limit === 0 ? 0 : used / limit
}

function fullText(bound: BoundView): string {
  const share = shareOf(bound)
  const text = `${Math.round(share * 100)} %`
  if (share >= boundTones.full && bound.overflow !== 'drops-oldest') return toned(text, 'wrong')
  return share >= boundTones.worthALook ? toned(text, 'moving') : text
}

function amountText({ unit }: BoundView, value: number): string {
  return unit === 'bytes' ? bytesText(value) : countText(value)
}

function lostText(bound: BoundView): string {
  return bound.lost === 0 ? '0' : toned(countText(bound.lost), 'wrong')
}
