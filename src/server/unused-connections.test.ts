import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { UnusedConnections } from './unused-connections.ts'

test('connections without a request are closed, one with a request gets its answer', async () => {
  let answer = (): void => {}
  const server = createServer((_request, response) => {
    answer = () => void response.end('done')
  })
  const unused = new UnusedConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const opened = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    await Promise.all([once(socket, 'connect'), once(server, 'connection')])
    return socket
  }
  const silent = await opened()
  const asking = await opened()
  asking.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(server, 'request')
  const ended = once(silent, 'close')
  unused.closeAll()
  await ended
  const stopped = once(server, 'close')
  server.close()
  answer()
  const [bytes] = (await once(asking, 'data')) as [Buffer]
  expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200/)
  await stopped
  asking.destroy()
})
