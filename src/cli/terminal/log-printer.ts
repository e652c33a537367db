import { styleText } from 'node:util'
import type { LogLineView } from '../../wire/api.ts'
import type { Context } from '../context.ts'
import { timeText } from './format.ts'
import { print, toned } from './output.ts'

/** Prints lines of several instances; each has its own colour, so that they can be told apart. */
export function logPrinter({ json, clock }: Pick<Context, 'json' | 'clock'>): LogPrinter {
  if (json) return (line) => print(JSON.stringify(line))
  const colours = ['cyan', 'yellow', 'magenta', 'blue', 'green'] as const
  const given = new Map<string, (typeof colours)[number]>()
  return (line) => {
    const colour = given.get(line.instanceId) ?? colours[given.size % colours.length] ?? 'cyan'
    given.set(line.instanceId, colour)
    const source = styleText(colour, `${line.service} ${line.instanceId}`)
    const mark = line.stream === 'stderr' ? toned('!', 'wrong') : ' '
    const cut = line.cut === true ? toned(' (cut)', 'quiet') : ''
    const time = toned(timeText(line.at, clock.now()), 'quiet')
    print(`${time} ${source} ${mark} ${line.text}${cut}`)
  }
}

export type LogPrinter = (line: LogLineView) => void
