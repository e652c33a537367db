import { Command } from 'commander'
import { print, toned } from './terminal/output.ts'

/** `roadstead init [NAME]`: a manifest to begin with, guessed from what lies in this folder. */
export function initCommand(): Command {
  return new Command('init')
    .description('write a first roadstead.yaml for the app in this folder')
    .argument('[name]', "the app's name; the folder's name unless you say")
    .addHelpText('after', '\nExample:\n  $ roadstead init hello && roadstead validate')
    .action(async (name: string | undefined) => {
      const { writeFirstManifest } = await import('./manifest/first-manifest.ts')
      const text = await writeFirstManifest(process.cwd(), name)
      print('wrote roadstead.yaml:')
      for (const line of text.trimEnd().split('\n')) print(toned(`  ${line}`, 'quiet'))
    })
}
