/** Reading server-sent events: the text becomes events, whatever pieces it arrives in. */

/** One server-sent event. */
export interface StreamEvent {
  /** `message` when the stream names none. */
  readonly event: string
  /** To resume after it with `Last-Event-ID`; undefined before the first id. */
  readonly id: string | undefined
  readonly data: string
}

/** Characters that one event may have; a server that sends more is broken or hostile. */
const eventLengthMax = 4 * 1024 * 1024

/** Takes a stream of text apart into events; comments (heartbeats) vanish. */
export class EventStreamParser {
  #rest = ''
  #event = ''
  #data: string[] = []
  #id: string | undefined

  /** The events that `text` completes. */
  push(text: string): StreamEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > eventLengthMax) throw new RangeError('an event without an end')
    const events: StreamEvent[] = []
    for (const line of lines) {
      const event = this.#line(line)
      if (event !== undefined) events.push(event)
    }
    return events
  }

  #line(line: string): StreamEvent | undefined {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return undefined
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#event = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.#id = value
    return undefined
  }

  #dispatch(): StreamEvent | undefined {
    const event = { event: this.#event || 'message', id: this.#id, data: this.#data.join('\n') }
    const isEmpty = this.#data.length === 0
    this.#event = ''
    this.#data = []
    return isEmpty ? undefined : event
  }
}
