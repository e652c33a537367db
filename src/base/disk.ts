/**
 * Files come in through this interface where a role keeps something of its own (the agent's records
 * and artifacts, the ingress's last table), so that a simulator can fill, slow, fail and crash a disk.
 *
 * A write is whole or not at all: whoever reads finds the old content or the new one. What the
 * machine's own death may take back is said by the method: `replace` is durable, `note` is not yet.
 * Errors of the system come as they are, with their `code` (`ENOSPC`, `EIO`).
 */
export interface Disk {
  /** A file's text; undefined when there is no such file. */
  read(path: string): Promise<string | undefined>
  /** Replaces a file's content; durable, with its name, when it resolves. */
  replace(path: string, content: string): Promise<void>
  /** Replaces a file's content; a crash of the machine may bring the content before back. */
  note(path: string, content: string): Promise<void>
  /** Writes a stream into a new file; breaks off when the stream fails or the signal aborts. */
  receive(path: string, content: ByteStream, signal: AbortSignal): Promise<void>
  /** Makes a folder with all above it; nothing happens when it is there. */
  makeFolder(path: string): Promise<void>
  /** Names in a folder, in order; none when there is no such folder. */
  names(path: string): Promise<readonly string[]>
  hasFolder(path: string): Promise<boolean>
  /** Makes all folders below and the folder itself read-only: their files keep their names. */
  seal(path: string): Promise<void>
  /** Removes a file or a folder with all in it, sealed ones too; nothing happens without one. */
  remove(path: string): Promise<void>
  /** Gives a folder another name; the other must not be taken. */
  move(from: string, to: string): Promise<void>
  /**
   * Copies what lies below a folder to the same places below another, which is made if need be.
   * What is there already stays, and so does a file in the way of a folder. Files keep their times;
   * links are kept as they are, or left out.
   */
  copy(from: string, to: string, links: 'kept' | 'left-out'): Promise<void>
  /**
   * A digest over what lies below a folder, by names, sizes, times and places on the disk: it
   * differs when somebody changed something, without a file being read.
   */
  fingerprint(path: string): Promise<string>
  /** Notes that a folder was used at `at`, wall ms. */
  touch(path: string, at: number): Promise<void>
  /** When a folder was touched last, wall ms. */
  touchedAt(path: string): Promise<number>
}

/** Bytes as they come in. */
export type ByteStream = AsyncIterable<Uint8Array>
