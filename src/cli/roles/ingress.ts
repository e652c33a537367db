import { ingressCommand } from '../ingress.ts'
import { runRole } from './run.ts'

/** The entry of the ingress's own bundle, which `roadstead up` starts. */
await runRole(ingressCommand())
