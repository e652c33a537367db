import {
  cpuTolerance,
  hasDriver,
  type Assessment,
  type NodeView,
  type Wish,
  type ZoneCount,
} from './model.ts'

/**
 * The rule `zone: require`: a group stays evenly spread over zones, so that the loss of one of them
 * takes no more than its share. No instance joins a zone that holds more of its group than another
 * zone that could take one. What decides is what the nodes of a zone are, not what is free on them
 * now: a full zone is waited for, or the spread would be even only while it is easy.
 */

/** Whether a node would take an instance if nothing else stood on it. */
export function couldHold(
  node: NodeView,
  wish: Pick<Wish, 'resources' | 'needsPort' | 'driver'>,
): boolean {
  const { cpu, memoryBytes, diskBytes } = wish.resources
  const { capacity } = node
  return (
    capacity.cpu - cpu >= -cpuTolerance &&
    capacity.memoryBytes >= memoryBytes &&
    capacity.diskBytes >= diskBytes &&
    (!wish.needsPort || node.portsTo >= node.portsFrom) &&
    hasDriver(node, wish.driver)
  )
}

/** A node with its status, and how many of the group its zone holds. */
type Standing = Pick<Assessment, 'node' | 'status' | 'groupInZone'>

/** What each zone that could take an instance holds of its group; lost nodes make no zone. */
export function zonesFor(standings: readonly Standing[], wish: Wish): readonly ZoneCount[] {
  const zones = new Map<string, ZoneCount>()
  for (const { node, status, groupInZone } of standings) {
    const { zone } = node
    if (status === 'lost' || zones.has(zone) || !couldHold(node, wish)) continue
    zones.set(zone, { zone, holds: groupInZone })
  }
  return [...zones.values()]
}

/** The zone that holds the least of a group, of those that are not `except`; undefined: none. */
export function emptiestOf(zones: readonly ZoneCount[], except?: string): ZoneCount | undefined {
  let emptiest: ZoneCount | undefined
  for (const each of zones) {
    if (each.zone === except) continue
    const isEmptier =
      emptiest === undefined ||
      each.holds < emptiest.holds ||
      (each.holds === emptiest.holds && each.zone < emptiest.zone)
    if (isEmptier) emptiest = each
  }
  return emptiest
}
