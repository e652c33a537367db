/**
 * The thread that owns the store's file. SQLite lives here because an fsync stops its thread: an
 * HTTP loop beside it would fall from 82,000 to 1,200 requests a second on a slow disk.
 *
 * Appends that have come in by the time one is taken up are written together: the group commit.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { assert } from '../../base/errors.ts'
import type { LogEntry } from '../../parts/audit/model.ts'
import type { LogRange } from '../log-query.ts'
import type { JournalRow } from './journal.ts'
import type { Answers, Failure, Reply, Request, WorkerSettings } from './messages.ts'
import { StoreFileError, storeFileErrorOf } from './store-file-error.ts'
import { StoreFile } from './store-file.ts'

/** Records sent in one message of a `load`: some megabytes. */
const loadPageLength = 5_000

const port = parentPort
assert(port !== null, 'runs as a worker')

/**
 * Set when a write or fsync failed: what is on the disk is unknown, so nothing more is done (rule 16
 * of docs/reference/rules.md), and the server exits.
 */
let failure: Failure | undefined
const file = openFile()
port.on('message', receive)

function openFile(): StoreFile {
  try {
    const opened = new StoreFile(workerData as WorkerSettings)
    send({ of: 'opened', revision: opened.revision, epoch: opened.epoch })
    return opened
  } catch (error) {
    const cause = storeFileErrorOf(error)
    send({ of: 'refused-to-open', failure: cause.failure })
    process.exit()
  }
}

function send(reply: Reply): void {
  port?.postMessage(reply)
}

/** Taken from the port, to be handled when what is under way is done. */
const waiting: Request[] = []

function receive(message: Request): void {
  waiting.push(message)
  for (;;) {
    const request = waiting.shift() ?? next()
    if (request === undefined) return
    if (request.of === 'append') append(request.row)
    else if (request.of === 'keep-from') file.keepFrom(request.revision)
    else answer(request)
  }
}

/** Those that are answered. */
type Question = Exclude<Request, { of: 'append' | 'keep-from' }>

function next(): Request | undefined {
  assert(port !== null, 'runs as a worker')
  return receiveMessageOnPort(port)?.message as Request | undefined
}

/** Between two slices of something long: writes the commits that came in meanwhile. */
function letCommitsPass(): void {
  for (let request = next(); request !== undefined; request = next()) {
    if (request.of === 'append') append(request.row)
    else waiting.push(request)
  }
}

/** Writes the row with all others that have come in. */
function append(row: JournalRow): void {
  const rows = [row]
  let request = next()
  while (request?.of === 'append') {
    rows.push(request.row)
    request = next()
  }
  if (request !== undefined) waiting.push(request)
  write(rows)
}

function write(rows: readonly JournalRow[]): void {
  const first = rows[0]?.first ?? 0
  if (failure !== undefined) return send({ of: 'unwritten', first, failure })
  // Rows that were sent before their sender learned that an earlier one was not written.
  if (first !== file.revision + 1) return
  try {
    file.append(rows)
    send({ of: 'durable', revision: file.revision })
  } catch (error) {
    return send({ of: 'unwritten', first, failure: noteFailure(error) })
  }
  try {
    file.maintain()
  } catch (error) {
    send({ of: 'maintenance-put-off', failure: noteFailure(error) })
  }
}

function noteFailure(error: unknown): Failure {
  const cause = storeFileErrorOf(error)
  if (cause.failure.code !== 'store-full') failure = { ...cause.failure, code: 'store-failed' }
  return failure ?? cause.failure
}

function answer(request: Question): void {
  const { id } = request
  try {
    if (failure !== undefined && request.of !== 'close') throw new StoreFileError(failure)
    send({ of: 'answer', id, value: answerOf(request) })
    if (request.of === 'close') port?.close()
  } catch (error) {
    send({ of: 'failure', id, failure: storeFileErrorOf(error).failure })
  }
}

function answerOf(request: Question): Answers[keyof Answers] {
  switch (request.of) {
    case 'epoch':
      file.setEpoch(request.epoch)
      return null
    case 'load':
      for (const rows of file.load(loadPageLength)) send({ of: 'records', id: request.id, rows })
      return file.revision
    case 'changes':
      return file.changes(request.after)
    case 'log':
      return readLog(request.range)
    case 'records-at':
      for (const rows of inSlices(file.recordsAt(request.revision))) {
        if (rows.length > 0) send({ of: 'records', id: request.id, rows })
      }
      return null
    case 'moment-at':
      return file.momentAt(request.at)
    case 'history':
      return finish(file.history(request.query))
    case 'copy':
      return finish(file.copy(request.file))
    case 'close':
      file.close()
      return null
  }
}

function readLog(range: LogRange): Answers['log'] {
  const entries: LogEntry[] = []
  for (const slice of file.log(range)) {
    entries.push(...slice)
    if (entries.length >= range.limit) break
    letCommitsPass()
  }
  return entries.slice(0, range.limit)
}

/** Lets commits pass between two slices. */
function* inSlices<Slice>(work: Generator<Slice>): Generator<Slice> {
  for (const slice of work) {
    yield slice
    letCommitsPass()
    // What a failed disk still reads is not to be believed.
    if (failure !== undefined) throw new StoreFileError(failure)
  }
}

/** Does all of something long, a slice at a time, and returns what came of it. */
function finish<Result>(work: Generator<void, Result>): Result {
  for (;;) {
    const slice = work.next()
    if (slice.done === true) return slice.value
    letCommitsPass()
    if (failure === undefined) continue
    work.return(undefined as Result)
    throw new StoreFileError(failure)
  }
}
