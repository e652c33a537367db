import { Command } from 'commander'
import type { Duplex } from 'node:stream'
import { openContext, type Context } from './context.ts'

interface ExecOptions {
  readonly terminal?: boolean
}

/** A shell that people like where there is one, and the one that is always there. */
const shell = ['sh', '-c', 'if command -v bash >/dev/null; then exec bash; else exec sh; fi']

/** `roadstead exec INSTANCE [COMMAND…]`: a command in an instance's environment, or a shell. */
export function execCommand(): Command {
  return new Command('exec')
    .description("run a command, or a shell, in a running instance's environment")
    .argument('<instance>', 'a beginning of its id is enough')
    .argument('[command...]', 'the program and its arguments; a shell without one')
    .option('-T, --no-terminal', 'pipes in place of a terminal')
    .passThroughOptions()
    .addHelpText('after', examples)
    .action(async (id: string, words: string[], options: ExecOptions, command: Command) => {
      const context = await openContext(command)
      const { resolveInstance } = await import('./api/names.ts')
      const instance = resolveInstance(id, await context.client.instances({ ended: true }))
      process.exitCode = await run(context, instance.id, words, options)
    })
}

const examples = `
It runs in the instance's folder, with its environment, on its node, and ends when you leave or when
the instance does. Who ran what where is on the audit log. The exit code is the command's.

Examples:
  $ roadstead exec i-7k3
  $ roadstead exec i-7k3 node --version
  $ roadstead exec i-7k3 -- sh -c 'env | grep PORT'
  $ roadstead exec -T i-7k3 tar c data > data.tar`

/** Runs it to its end; answers with its exit code. */
async function run(
  context: Context,
  instanceId: string,
  words: readonly string[],
  { terminal = true }: ExecOptions,
): Promise<number> {
  const { stdin, stdout } = process
  const isTerminal = terminal && !context.json && stdin.isTTY === true && stdout.isTTY === true
  const { attachPipes, attachTerminal, sizeOf } = await import('./terminal/exec-attach.ts')
  const typed = words[0] === '--' ? words.slice(1) : words
  const command = [...(typed.length === 0 ? shell : typed)]
  const request = { command, terminal: isTerminal ? sizeOf(stdout) : null }
  const { execId } = await context.client.beginExec(instanceId, request)
  const messages: Duplex = await context.client.connectExec(execId, context.signal)
  return isTerminal
    ? attachTerminal(messages)
    : attachPipes(messages, { json: context.json, signal: context.signal })
}
