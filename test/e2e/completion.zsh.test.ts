import { describeCompletion } from './completion.ts'

describeCompletion('zsh')
