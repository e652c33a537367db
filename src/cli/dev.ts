import { Command } from 'commander'

/** `roadstead dev`: the app in this folder on this machine, carried out anew at every save. */
export function devCommand(): Command {
  return new Command('dev')
    .description('run the app in this folder here, and again whenever a file is saved')
    .option('-f, --file <path>', 'the manifest, or the folder that it lies in')
    .option('--no-logs', 'do not print what its instances write')
    .addHelpText('after', examples)
    .action(async (options: { file?: string; logs: boolean }, command: Command) => {
      const { runDev } = await import('./dev/session.ts')
      await runDev(command, options)
    })
}

const examples = `
Uses the cloud that runs here, or starts one of its own until Ctrl-C (roadstead up).
A save is a deploy like any other: the release's steps are the manifest's. A newer save
takes the place of a rollout that is under way. What .gitignore leaves out is not watched.

Examples:
  $ roadstead dev
  $ roadstead dev --file examples/shop --no-logs`
