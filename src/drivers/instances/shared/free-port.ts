import { createServer } from 'node:net'
import { Fault, systemCodeOf } from '../../../base/errors.ts'
import type { Target } from './probe.ts'

/** Fault `port-taken` where somebody listens. */
export function requireFreePort(listen: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', (error) => {
      if (systemCodeOf(error) !== 'EADDRINUSE') return resolve()
      reject(
        new Fault('port-taken', `port ${listen.port} is held by another process`, {
          retry: 'never',
        }),
      )
    })
    server.listen({ ...listen, exclusive: true }, () => server.close(() => resolve()))
  })
}
