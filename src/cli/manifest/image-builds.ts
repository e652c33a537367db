import { Refusal } from '../../base/errors.ts'
import { isRunOver } from '../../parts/jobs/model.ts'
import type { LogLineView } from '../../wire/api.ts'
import type { BuildAnswer, BuildRequest, RunDetails } from '../../wire/jobs.ts'
import { patiently, type Context } from '../context.ts'
import { Exit, exitCodes } from '../terminal/failure.ts'
import { durationText } from '../terminal/format.ts'
import { remark, toned } from '../terminal/output.ts'
import type { Deployable } from './deployable.ts'

/** Time between two looks at a build, in ms. */
const lookEveryMs = 500

/** The last lines of a build may come after its end, for so long at the most, in ms. */
const lastLinesMs = 3_000

/** Lines of its output that a refusal carries. */
const linesTold = 20

/** An image that is there, by its registry's word. */
export interface BuiltImage {
  readonly service: string
  readonly image: string
  /** It was not there before. */
  readonly isNew: boolean
}

/**
 * Has every image built that an app needs and its registry lacks, and shows what the builds print.
 * Refusals: `build-failed` with the last lines, and what the server refuses.
 */
export async function ensureBuilt(context: Context, deployable: Deployable): Promise<BuiltImage[]> {
  const answers: { request: BuildRequest; answer: BuildAnswer }[] = []
  for (const request of deployable.builds) {
    const answer = await ask(context, deployable, request)
    for (const note of answer.notes ?? []) if (!context.json) remark(`note: ${note}`)
    answers.push({ request, answer })
  }
  const patient = answers.some(({ answer }) => answer.runId !== null)
    ? await patiently(context)
    : context
  const built: BuiltImage[] = []
  for (const { request, answer } of answers) {
    const { runId, image } = answer
    const { service } = request
    if (runId !== null) await follow(patient, service, runId)
    else if (!context.json) remark(toned(`${service}: built before, ${image}`, 'quiet'))
    built.push({ service, image, isNew: runId !== null })
  }
  return built
}

/** A context is sent only where the server asks for it: what is built already needs none. */
async function ask(
  { client }: Context,
  { at, parcels }: Deployable,
  request: BuildRequest,
): Promise<BuildAnswer> {
  try {
    return await client.build(at, request)
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'artifact-missing') throw error
  }
  await parcels.sendContext(client, request.context)
  return client.build(at, request)
}

async function follow(context: Context, service: string, runId: string): Promise<void> {
  const { client, clock, signal, json } = context
  let shown: readonly LogLineView[] = []
  try {
    for (;;) {
      const details = await client.run(runId)
      if (!json) for (const { text } of newLines(shown, details.output)) tell(service, text)
      shown = details.output
      if (isRunOver(details.run.state)) return await conclude(context, service, details)
      await clock.sleep(lookEveryMs, signal)
    }
  } catch (error) {
    if (!signal.aborted) throw error
    remark(`the build goes on without you; to take it back: roadstead runs cancel ${runId}`)
    throw new Exit(exitCodes.interrupted)
  }
}

async function conclude(context: Context, service: string, details: RunDetails): Promise<void> {
  const { run } = details
  if (run.state === 'succeeded') {
    const took = durationText((run.endedAt ?? 0) - (run.startedAt ?? 0))
    if (!context.json) remark(`${service}: built in ${took}, ${run.spec.build?.image}`)
    return
  }
  const output = await lastOutput(context, details)
  if (!context.json) {
    for (const { text } of newLines(details.output, output)) tell(service, text)
  }
  const said = output.findLast(({ text }) => text.startsWith(errorMark))?.text
  const why = said === undefined ? '' : `: ${said.slice(errorMark.length)}`
  const message = `the build of ${service} ${ended(run.state)}: ${run.because}${why}`
  throw new Refusal('build-failed', message, {
    status: 422,
    hint: `\`roadstead runs ${run.id}\` has the end of its output`,
    details: { runId: run.id, output: output.slice(-linesTold).map(({ text }) => text) },
  })
}

/** So the builder's own last line begins. */
const errorMark = 'error: '

function ended(state: RunDetails['run']['state']): string {
  if (state === 'timed-out') return 'took too long'
  return state === 'cancelled' ? 'was taken back' : 'failed'
}

/** Waits a moment for the line that says why: it travels by another way than the end itself. */
async function lastOutput(
  { client, clock, signal }: Context,
  { run, output }: RunDetails,
): Promise<readonly LogLineView[]> {
  const giveUpAt = clock.monotonic() + lastLinesMs
  let seen: readonly LogLineView[] = output
  while (run.state === 'failed' && clock.monotonic() < giveUpAt) {
    if (seen.some(({ text }) => text.startsWith(errorMark))) break
    await clock.sleep(lookEveryMs, signal)
    seen = (await client.run(run.id)).output
  }
  return seen
}

function tell(service: string, text: string): void {
  remark(`${toned(`${service} |`, 'quiet')} ${text}`)
}

/** Each look has the last lines only: those of the look before that are still in it are known. */
export function newLines(
  before: readonly LogLineView[],
  now: readonly LogLineView[],
): readonly LogLineView[] {
  for (let from = 0; from < before.length; from++) {
    const known = before.slice(from)
    if (known.length > now.length) continue
    if (known.every((line, index) => isSameLine(line, now[index]))) return now.slice(known.length)
  }
  return now
}

function isSameLine(a: LogLineView, b: LogLineView | undefined): boolean {
  return a.position === b?.position && a.text === b.text && a.instanceId === b.instanceId
}
