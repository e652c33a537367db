import type { Checker } from '../view.ts'
import { EnoughOnline, NothingTakenAway, PassedFirst, PublishedIsOnline } from './availability.ts'
import { NothingLeaks, PlacementsFit, PortsUnique, RunningFits } from './capacity.ts'
import { DrainsEnd, OnlineAsDesired, RunningAsDesired } from './convergence.ts'
import { SlotsStartOnce } from './jobs.ts'
import { SchemaFits } from './migrations.ts'
import { LivesOnce, NobodyEndsTheWell, NoOrphans } from './lives.ts'
import { MassLossBrake } from './nodes.ts'
import { NoOscillation, OneOperationEach, SecondPassIsIdle } from './passes.ts'
import { RoomIsUsed, SpreadKept } from './placement.ts'
import { RecordIndex } from './record-index.ts'
import { NoRevertCycle, OneRollout, RolloutsEnd } from './rollouts.ts'
import { OneAtATime, RisingEpochs } from './singletons.ts'
import { AcknowledgedStays, EveryChangeAudited, NoOldTerm, ReplayIsSame } from './store.ts'

/** A new checker of each invariant, for one run. */
export function allCheckers(): Checker[] {
  const index = new RecordIndex()
  return [
    new OneAtATime(index),
    new RunningFits(index),
    new PlacementsFit(index),
    new EnoughOnline(index),
    new NothingTakenAway(index),
    new PassedFirst(index),
    new OneRollout(index),
    new AcknowledgedStays(index),
    new NoOldTerm(),
    new LivesOnce(),
    new PortsUnique(index),
    new NothingLeaks(index),
    new SpreadKept(index),
    new PublishedIsOnline(index),
    new RisingEpochs(index),
    new SlotsStartOnce(),
    new OneOperationEach(),
    new NobodyEndsTheWell(index),
    new MassLossBrake(index),
    new EveryChangeAudited(),
    new SchemaFits(),
    new RolloutsEnd(index),
    new RunningAsDesired(index),
    new OnlineAsDesired(index),
    new NoOrphans(index),
    new RoomIsUsed(index),
    new NoOscillation(index),
    new DrainsEnd(index),
    new NoRevertCycle(index),
    new ReplayIsSame(),
    new SecondPassIsIdle(index),
  ]
}
