import { isOver } from '../parts/rollouts/model.ts'
import type { AppCell } from '../parts/tenants/model.ts'
import type { DeployAnswer, RolloutView } from '../wire/api.ts'
import { patiently, type Context } from './context.ts'
import { Exit, exitCodes, hintLine } from './terminal/failure.ts'
import { LiveBlock, spinnerAt } from './terminal/live-block.ts'
import { print, printJson, remark } from './terminal/output.ts'
import { rolloutChanges, rolloutEnding, rolloutPicture } from './terminal/rollout-lines.ts'

/** Time between two looks at the rollout, in ms: short enough to feel live. */
const lookEveryMs = 250

/** Time between two pictures, in ms: the spinner's pace. */
const drawEveryMs = 80

/**
 * After a deploy or a promotion: follows its rollout, or says how to. One that a gate holds is not
 * followed: that takes as long as people take.
 */
export async function followIntent(
  context: Context,
  at: AppCell,
  answer: DeployAnswer,
  detached: boolean,
): Promise<void> {
  const { rolloutId, releaseNumber, heldBy } = answer
  if (!detached && heldBy === undefined) return followRollout(context, at, rolloutId)
  if (context.json) return printJson(answer)
  if (heldBy !== undefined) print(`${rolloutId} ${heldBy.because}`)
  if (heldBy?.approval === true) print(`to approve it: roadstead approve ${rolloutId}`)
  print(`release ${releaseNumber}: roadstead rollout ${rolloutId} follows it`)
}

/**
 * Follows a rollout until it is over: a living list of steps on a terminal, plain lines elsewhere.
 * Prints its last sentence and throws an Exit unless it is done.
 */
export async function followRollout(context: Context, at: AppCell, id: string): Promise<void> {
  const block = new LiveBlock(process.stderr)
  try {
    const last = await watch(await patiently(context), at, id, block)
    block.clear()
    if (context.json) printJson(last)
    else showEnding(last, block.isLive)
    if (last.state !== 'done') {
      if (!context.json && hasRun(last)) remark(hintLine(logsHint(last)))
      throw new Exit(exitCodes.refused)
    }
  } catch (error) {
    block.clear()
    if (!context.signal.aborted) throw error
    remark(`the rollout goes on without you; to follow it again: roadstead rollout ${id}`)
    throw new Exit(exitCodes.interrupted)
  }
}

async function watch(
  context: Context,
  at: AppCell,
  id: string,
  block: LiveBlock,
): Promise<RolloutView> {
  let seen: RolloutView | undefined
  for (;;) {
    const view = await context.client.rollout(at, id)
    if (!block.isLive) for (const line of rolloutChanges(seen, view)) remark(line)
    seen = view
    if (isOver(view.state)) return view
    await drawUntilNextLook(context, block, view)
  }
}

/** Keeps the spinner turning until it is time for the next look. */
async function drawUntilNextLook(
  context: Context,
  block: LiveBlock,
  view: RolloutView,
): Promise<void> {
  const { clock, signal } = context
  const until = clock.monotonic() + lookEveryMs
  while (clock.monotonic() < until) {
    block.draw(rolloutPicture(view, clock.now(), spinnerAt(clock.monotonic())))
    await clock.sleep(block.isLive ? drawEveryMs : lookEveryMs, signal)
  }
}

/** One whose turn never came has printed nothing. */
function hasRun({ state }: RolloutView): boolean {
  return state !== 'superseded' && state !== 'cancelled'
}

function logsHint({ at }: RolloutView): string {
  return `what its instances printed: roadstead logs ${at.app}`
}

/** On a terminal the picture was taken away: its steps are printed once more, to stay. */
function showEnding(view: RolloutView, wasLive: boolean): void {
  if (wasLive) for (const line of rolloutChanges(undefined, view)) print(line)
  print(rolloutEnding(view))
  for (const gap of view.ledger.gaps) print(`  the count is not whole: ${gap}`)
}
