import { Argument, Command } from 'commander'

/** `roadstead completion SHELL`: the script that lets a shell complete commands, options and names. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .addHelpText('after', examples)
    .action(async (shell: 'bash' | 'zsh', _options: unknown, command: Command) => {
      const [{ commandTree }, { completionScript }] = await Promise.all([
        import('./command-tree.ts'),
        import('./terminal/completion-script.ts'),
      ])
      const program = command.parent
      if (program === null) return
      process.stdout.write(completionScript(shell, await commandTree(program)))
    })
}

const examples = `
Examples:
  $ source <(roadstead completion bash)                      in ~/.bashrc
  $ roadstead completion zsh > ~/.zfunc/_roadstead           with fpath+=(~/.zfunc) in ~/.zshrc`
