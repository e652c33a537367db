/** HAProxy's maps, by what they answer; each is a file at the start and changed at runtime after. */
export const mappings = [
  /** `host/path/` to a pool, per entrance. */
  'public-routes',
  'private-routes',
  'admin-routes',
  /** Hosts that any route names. */
  'public-hosts',
  'private-hosts',
  'admin-hosts',
  /** A local port to a pool. */
  'ports',
  /** An online pool to the shares of its split: `canary:canary+baseline:sticky`, in millionths. */
  'shares',
  /** `pool/side` to the pool of that side. */
  'sides',
  /** Digests of tokens to wall ms until which they are good. */
  'tokens',
  /** `pool/digest` to the pool where the token leads. */
  'passes',
  /** Names of servers that are in no pool any more. */
  'leaving',
] as const
export type Mapping = (typeof mappings)[number]

export type MapContents = ReadonlyMap<Mapping, ReadonlyMap<string, string>>

export function emptyMaps(): Map<Mapping, Map<string, string>> {
  return new Map(mappings.map((mapping) => [mapping, new Map<string, string>()]))
}

/** The text of a map's file. */
export function mapText(entries: ReadonlyMap<string, string>): string {
  return [...entries].map(([key, value]) => `${key} ${value}\n`).join('')
}

/** The commands that lead from one content to another. */
export function mapCommands(
  file: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const commands: string[] = []
  for (const [key, value] of after) {
    const known = before.get(key)
    if (known === undefined) commands.push(`add map ${file} ${key} ${value}`)
    else if (known !== value) commands.push(`set map ${file} ${key} ${value}`)
  }
  for (const key of before.keys()) if (!after.has(key)) commands.push(`del map ${file} ${key}`)
  return commands
}

/** Where the parts of the configuration lie, as absolute paths. */
export interface Files {
  readonly config: string
  readonly lua: string
  readonly runtimeSocket: string
  readonly map: (map: Mapping) => string
}
