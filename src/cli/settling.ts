import { Refusal } from '../base/errors.ts'
import type { AppCell } from '../parts/tenants/model.ts'
import type { AppView } from '../wire/api.ts'
import type { Context } from './context.ts'
import { Exit, exitCodes } from './terminal/failure.ts'
import { durationText } from './terminal/format.ts'
import { LiveBlock, whileDrawing } from './terminal/live-block.ts'
import { print, remark, toned } from './terminal/output.ts'

/** Time between two looks, in ms. */
const lookEveryMs = 250

/** After this time the command stops waiting (the cloud does not), in ms. */
const waitMsMax = 120_000

/** What a change is waited for with. */
export interface Settling {
  /** What is being done, for the line with the spinner: `scaling shop/api to 4`. */
  readonly doing: string
  /** Whether it is done, seeing the app; undefined: the app is gone. */
  readonly isDone: (app: AppView | undefined) => boolean
  /** How far it is, in a few words. */
  readonly progress: (app: AppView) => string
  /** The sentence that says it is done. */
  readonly done: string
}

/**
 * Waits until a change has come about, showing how far it is; says after `waitMsMax` where it
 * stands instead. Ctrl-C ends the waiting, not the change.
 */
export async function waitUntilSettled(
  context: Context,
  at: AppCell,
  settling: Settling,
): Promise<void> {
  const { clock } = context
  const startedAt = clock.monotonic()
  let progress = ''
  const look = async (): Promise<boolean> => {
    while (clock.monotonic() - startedAt < waitMsMax) {
      const app = await appOrNone(context, at)
      if (settling.isDone(app)) return true
      if (app !== undefined) progress = ` · ${settling.progress(app)}`
      await clock.sleep(lookEveryMs, context.signal)
    }
    return false
  }
  const block = new LiveBlock(process.stderr)
  const lines = (spinner: string): string[] => [
    `${toned(spinner, 'moving')} ${settling.doing}${progress}`,
  ]
  try {
    const settled = await whileDrawing(block, clock, lines, look())
    const took = durationText(clock.monotonic() - startedAt)
    if (settled) return print(`${toned('✓', 'well')} ${settling.done} · ${took}`)
    remark(`still ${settling.doing}${progress} after ${took}; \`roadstead ps\` says why`)
    throw new Exit(exitCodes.refused)
  } catch (error) {
    if (!context.signal.aborted) throw error
    remark(`${settling.doing} goes on without you; \`roadstead status\` shows how far it is`)
    throw new Exit(exitCodes.interrupted)
  }
}

async function appOrNone(context: Context, at: AppCell): Promise<AppView | undefined> {
  try {
    return await context.client.app(at)
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return undefined
    throw error
  }
}
