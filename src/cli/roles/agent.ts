import { agentCommand } from '../agent.ts'
import { runRole } from './run.ts'

/** The entry of the agent's own bundle, which `roadstead up` starts. */
await runRole(agentCommand())
