/** How containers and networks are known to be ours: by labels, never by their names. */
export const labels = {
  /** Which agent's: a mark that it makes once and keeps in its data folder. */
  owner: 'dev.roadstead.owner',
  instance: 'dev.roadstead.instance',
  run: 'dev.roadstead.run',
  /** Of a network: the app whose containers share it; the agent's own has none. */
  network: 'dev.roadstead.network',
  /** Of a volume: its id, and for people whose it is. */
  volume: 'dev.roadstead.volume',
  volumeOf: 'dev.roadstead.volume-of',
} as const

/** Whose a container is; undefined: it is not one of ours. */
export function markOf(
  found: Readonly<Record<string, string>> | null | undefined,
): { readonly instanceId: string; readonly run: number } | undefined {
  const instanceId = found?.[labels.instance]
  const run = Number(found?.[labels.run])
  return instanceId === undefined || !Number.isInteger(run) ? undefined : { instanceId, run }
}
