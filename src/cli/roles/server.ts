import { serverCommand } from '../server.ts'
import { runRole } from './run.ts'

/** The entry of the server's own bundle, which `roadstead up` starts. */
await runRole(serverCommand())
