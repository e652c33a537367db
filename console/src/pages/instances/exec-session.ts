import type { ExecAnswer } from '../../../../src/wire/exec.ts'
import {
  execBytesMax,
  parseExecMessage,
  type ExecEnd,
  type ExecInput,
} from '../../../../src/wire/exec-protocol.ts'
import { callApi } from '../../api/client.ts'
import { newIdempotencyKey } from '../../actions/action.ts'
import { actionRoutes, pathOf } from '../../actions/routes.ts'

/** A shell beside an instance, over the same two routes that `roadstead exec` uses. */

export interface ExecListener {
  onOutput(bytes: Uint8Array): void
  /** Once, whatever ends it: a sentence. */
  onEnd(because: string): void
}

export interface ExecSession {
  send(bytes: Uint8Array): void
  resize(columns: number, rows: number): void
  close(): void
}

/** A shell that people like where there is one, and the one that is always there. */
const shell = ['sh', '-c', 'if command -v bash >/dev/null; then exec bash; else exec sh; fi']

/** Begins a shell and connects to it; the server's ApiFailure where it refuses. */
export async function beginShell(
  instanceId: string,
  size: { readonly columns: number; readonly rows: number },
  listener: ExecListener,
): Promise<ExecSession> {
  const { method } = actionRoutes.exec
  const { execId } = await callApi<ExecAnswer>(pathOf(actionRoutes.exec, { id: instanceId }), {
    method,
    idempotencyKey: newIdempotencyKey(),
    body: { command: shell, terminal: size },
  })
  const address = new URL(`/v1/execs/${encodeURIComponent(execId)}`, window.location.href)
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
  return sessionOver(new WebSocket(address), listener)
}

function sessionOver(socket: WebSocket, listener: ExecListener): ExecSession {
  socket.binaryType = 'arraybuffer'
  const waiting: (string | Uint8Array<ArrayBuffer>)[] = []
  let isOver = false
  const end = (because: string): void => {
    if (isOver) return
    isOver = true
    listener.onEnd(because)
    socket.close()
  }
  const send = (message: string | Uint8Array<ArrayBuffer>): void => {
    if (socket.readyState === socket.OPEN) socket.send(message)
    else if (socket.readyState === socket.CONNECTING) waiting.push(message)
  }
  socket.addEventListener('open', () => {
    for (const message of waiting.splice(0)) socket.send(message)
  })
  socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
    // Its first byte says which stream; a terminal has but one.
    if (typeof data !== 'string') return listener.onOutput(new Uint8Array(data, 1))
    const message = parseExecMessage<ExecEnd>(data)
    if (message !== undefined) end(endWords(message))
  })
  socket.addEventListener('close', () => end('the connection to the server is lost'))
  return {
    send(bytes) {
      for (let at = 0; at < bytes.length; at += execBytesMax) {
        send(Uint8Array.from(bytes.subarray(at, at + execBytesMax)))
      }
    },
    resize(columns, rows) {
      const input: ExecInput = { type: 'resize', columns, rows }
      send(JSON.stringify(input))
    },
    close: () => end('left'),
  }
}

/** How it ended, as a sentence's end. */
export function endWords(end: ExecEnd): string {
  if (end.type === 'error') return end.message
  if (end.signal !== null) return `the shell was ended by ${end.signal}`
  return `the shell ended with exit code ${end.code ?? 1}`
}
