/** What the engine says of a build or a push, line by line: JSON, one object each. */

export interface Progress {
  /** To be printed as it is; empty: nothing of it is for people. */
  readonly text: string
  /** The engine gave up, in its own words. */
  readonly error?: string
  /** Of a push: what the registry calls the image. */
  readonly digest?: string
}

/** Characters of one line at the most: a step that prints without end of line is cut. */
const lineCharsMax = 65_536

/** What a layer's bar says again and again. */
const bars = new Set(['Downloading', 'Extracting', 'Pushing', 'Waiting', 'Preparing'])

/** Takes the engine's lines apart, however their bytes arrive. */
export class ProgressReader {
  readonly #decoder = new TextDecoder()
  #rest = ''

  /** What is whole now. */
  read(chunk: Uint8Array): Progress[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#rest = (lines.pop() ?? '').slice(0, lineCharsMax)
    return lines.flatMap((line) => progressOf(line))
  }
}

function progressOf(line: string): Progress[] {
  const said = parsed(line)
  if (said === undefined) return []
  const { stream, status, id, error, aux } = said
  if (typeof error === 'string') return [{ text: '', error }]
  if (typeof stream === 'string') return [{ text: stream }]
  const digest = isObject(aux) && typeof aux['Digest'] === 'string' ? aux['Digest'] : undefined
  if (digest !== undefined) return [{ text: '', digest }]
  if (typeof status !== 'string' || bars.has(status)) return []
  return [{ text: `${typeof id === 'string' ? `${id}: ` : ''}${status}\n` }]
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (line.trim() === '') return undefined
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
