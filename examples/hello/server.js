/** The smallest service: listens on PORT, answers /healthz, and ends on SIGTERM without a cut answer. */
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  const text = request.url === '/healthz' ? 'ok\n' : 'Hello from Roadstead\n'
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
})

// Longer than the proxy before it: the side that reuses a connection is the one to end it.
server.keepAliveTimeout = 75_000

server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => {
  console.log(`hello listens on port ${server.address().port}`)
})

process.once('SIGTERM', () => server.close())
