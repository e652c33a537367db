/**
 * What goes over the two WebSockets of an exec, apart from its schemas: agents load no schema library.
 * The server passes every message on as it is, and reads none but the last one's exit code.
 *
 * | message | from | says |
 * |---|---|---|
 * | binary | client | bytes for stdin |
 * | binary | agent | a byte, `execStreams`, then what was printed there |
 * | text, `ExecInput` | client | the window has changed, or there is no more input |
 * | text, `ExecEnd` | agent, server | how it ended: the last message |
 */

/** The first byte of what was printed. */
export const execStreams = { stdout: 1, stderr: 2 } as const

/** Bytes of one message at the most. */
export const execBytesMax = 64 * 1_024

/** What a client says beside its input. */
export type ExecInput =
  | { readonly type: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly type: 'input-end' }

/** How an exec ended. */
export type ExecEnd =
  | { readonly type: 'exit'; readonly code: number | null; readonly signal: string | null }
  | { readonly type: 'error'; readonly code: string; readonly message: string }

/** Reads a text message; undefined for one that is none of ours. */
export function parseExecMessage<T extends ExecInput | ExecEnd>(text: string): T | undefined {
  try {
    const message = JSON.parse(text) as { type?: unknown } | null
    return typeof message?.type === 'string' ? (message as T) : undefined
  } catch {
    return undefined
  }
}
