import { describeCompletion } from './completion.ts'

describeCompletion('bash')
