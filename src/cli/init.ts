import { Command } from 'commander'
import { settingsOf } from './context.ts'
import { print, remark } from './terminal/output.ts'

/** `roadstead init [NAME]`: a manifest to begin with, guessed from what lies in this folder. */
export function initCommand(): Command {
  return new Command('init')
    .description('write a first roadstead.yaml for the app in this folder')
    .argument('[name]', "the app's name; the folder's name unless you say")
    .addHelpText('after', '\nExample:\n  $ roadstead init hello && roadstead validate')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const { writeFirstManifest } = await import('./manifest/first-manifest.ts')
      const { server } = settingsOf(command)
      const { file, guesses } = await writeFirstManifest(process.cwd(), name, server)
      print(`wrote ${file}`)
      for (const guess of guesses) remark(`  ${guess}`)
      remark('next: roadstead validate, then roadstead deploy')
    })
}
