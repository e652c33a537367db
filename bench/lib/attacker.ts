import { connect, type Socket } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'

/** What an attacker does to an ingress of this machine, from other addresses than its customers'. */
export interface Attack {
  readonly port: number
  /** Connections that send a byte of a header in a second, and never the last one. */
  readonly lorises: number
  readonly lorisAddresses: number
  /** Requests of one address. */
  readonly floodPerSecond: number
  /** A header of so many bytes, or as many of them as are taken. */
  readonly headerBytes: number
}

/** What became of it. */
export interface Toll {
  readonly lorisesOpen: number
  readonly floodRefused: number
  readonly floodLet: number
  readonly headersRefused: number
  readonly headerBytesTaken: number
}

const counts = { floodRefused: 0, floodLet: 0, headersRefused: 0, headerBytesTaken: 0 }
const head = 'GET / HTTP/1.1\r\nhost: bench.localhost\r\n'

/** Attacks until the parent says that it is enough, then tells it the toll; for a child process. */
export async function runAttacker(attack: Attack): Promise<void> {
  const lorises = await openLorises(attack)
  process.send?.('begun')
  process.on('message', () => {
    const lorisesOpen = lorises.filter((socket) => !socket.destroyed).length
    process.send?.({ ...counts, lorisesOpen } satisfies Toll)
  })
  await Promise.all([keepSlow(lorises, attack), flood(attack), swell(attack)])
}

async function openLorises(attack: Attack): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let index = 0; index < attack.lorises; index++) {
    sockets.push(loris(attack, index))
    // As fast as a backlog takes them.
    if (index % 100 === 99) await systemClock.sleep(20)
  }
  await systemClock.sleep(200)
  return sockets
}

function loris({ port, lorisAddresses }: Attack, index: number): Socket {
  const socket = open(port, `127.0.1.${(index % lorisAddresses) + 1}`)
  socket.write(`${head}x-`)
  return socket
}

/** A byte a second each; one that was closed for its slowness comes again. */
async function keepSlow(sockets: Socket[], attack: Attack): Promise<never> {
  for (;;) {
    for (const [index, socket] of sockets.entries()) {
      if (socket.destroyed) sockets[index] = loris(attack, index)
      else socket.write('a')
    }
    await systemClock.sleep(1_000)
  }
}

async function flood({ port, floodPerSecond }: Attack): Promise<never> {
  const everyMs = 20
  let sockets: Socket[] = []
  for (;;) {
    sockets = sockets.filter((socket) => !socket.destroyed)
    while (sockets.length < 20) sockets.push(flooder(port))
    for (let sent = 0; sent < (floodPerSecond * everyMs) / 1_000; sent++) {
      sockets[sent % sockets.length]?.write(`${head}\r\n`)
    }
    await systemClock.sleep(everyMs)
  }
}

function flooder(port: number): Socket {
  const socket = open(port, '127.0.3.1')
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1')
    counts.floodRefused += text.split('HTTP/1.1 429').length - 1
    counts.floodLet += text.split('HTTP/1.1 200').length - 1
  })
  return socket
}

/** One header after the other, each as large as it is let. */
async function swell({ port, headerBytes }: Attack): Promise<never> {
  const chunk = Buffer.alloc(65_536, 'a')
  for (;;) {
    const socket = open(port, '127.0.3.2')
    socket.write(`${head}x-large: `)
    while (!socket.destroyed && socket.bytesWritten < headerBytes) {
      const isTaken = socket.write(chunk)
      if (!isTaken) await drained(socket)
    }
    counts.headerBytesTaken += socket.bytesWritten
    if (socket.bytesWritten < headerBytes) counts.headersRefused++
    socket.destroy()
    await systemClock.sleep(100)
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve)
    socket.once('close', () => resolve())
  })
}

function open(port: number, localAddress: string): Socket {
  const socket = connect({ host: '127.0.0.1', port, localAddress })
  socket.on('error', () => {})
  socket.resume()
  return socket
}
