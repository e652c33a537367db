import type { OutputStream } from '../../../parts/instances/driver.ts'

/** What a container or an exec printed at once. */
export interface Frame {
  readonly stream: OutputStream
  readonly bytes: Buffer
}

/** A stream's number, three zeros, and the length. */
const headerBytes = 8

/** No frame of the engine is longer; a header that says so is none. */
const frameBytesMax = 1_048_576

/** Takes the engine's multiplexed stream apart, however its bytes arrive. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)

  /** The frames that are whole now. Throws where the bytes are no such stream. */
  read(chunk: Uint8Array): Frame[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk])
    const frames: Frame[] = []
    let at = 0
    while (this.#rest.length - at >= headerBytes) {
      const length = this.#rest.readUInt32BE(at + 4)
      if (length > frameBytesMax) throw new Error(`a frame of ${length} bytes`)
      if (this.#rest.length - at < headerBytes + length) break
      const bytes = this.#rest.subarray(at + headerBytes, at + headerBytes + length)
      frames.push({ stream: this.#rest[at] === 2 ? 'stderr' : 'stdout', bytes })
      at += headerBytes + length
    }
    this.#rest = this.#rest.subarray(at)
    return frames
  }
}
