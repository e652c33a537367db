import { Fault } from '../../base/errors.ts'
import { operationsMax, remove, replace, type State, type Write } from '../../store/port.ts'
import type { VolumeReport } from './model.ts'
import { spokenVolume, volumeKind, volumesOn } from './records.ts'

/**
 * Takes down what an agent says of its volumes: that one is made, or gone as it was told. A store
 * that is busy must not cost the node its heartbeat: it is told again.
 */
export async function keepVolumeReport(
  state: State,
  nodeId: string,
  report: VolumeReport,
  who: string,
): Promise<void> {
  const made = new Set(report.made)
  const gone = new Set(report.gone)
  const writes: Write[] = []
  const told: string[] = []
  for (const entry of volumesOn(state.snapshot, nodeId)) {
    const { value } = entry
    if (value.doomed !== undefined && gone.has(value.id)) {
      writes.push(remove(entry))
      told.push(`the data of volume ${spokenVolume(value)} is removed`)
    } else if (!value.made && made.has(value.id)) {
      writes.push(replace(volumeKind, entry, { ...value, made: true }))
      told.push(`volume ${spokenVolume(value)} is made`)
    }
    if (writes.length === operationsMax) break
  }
  if (writes.length === 0) return
  const why = told.join('; ').slice(0, whyCharsMax)
  try {
    await state.commit({ writes, attribution: { who, what: 'volume.report', why } })
  } catch (error) {
    if (!(error instanceof Fault)) throw error
  }
}

/** What the log takes of a sentence. */
const whyCharsMax = 1_000
