import { Command } from 'commander'
import { openContext } from './context.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, remark, toned } from './terminal/output.ts'

/** `roadstead platform`: the operators' file, kept by the server. */
export function platformCommand(): Command {
  return new Command('platform')
    .description("put the operators' file in force, or print it")
    .addCommand(applyCommand())
    .addCommand(showCommand())
}

/** `roadstead platform apply FILE`: deploys are held against it from now on. */
function applyCommand(): Command {
  return new Command('apply')
    .description('put a platform.yaml in force: its cells and gates hold for every deploy')
    .argument('[file]', 'the file, or the folder that it lies in', 'platform.yaml')
    .addHelpText('after', applyHelp)
    .action(async (path: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const [{ readPlatformFile }, { faultsOf, refuseFaults }] = await Promise.all([
        import('./manifest/source-files.ts'),
        import('./manifest/fault-lines.ts'),
      ])
      const platform = await readPlatformFile(path)
      try {
        const answer = await context.client.applyPlatform(platform.text)
        if (context.json) return printJson(answer)
        print(answer.unchanged ? `${platform.file} is in force already` : applied(platform.file))
      } catch (error) {
        const faults = faultsOf(error)
        if (faults.length === 0) throw error
        refuseFaults(faults, { manifest: platform, platform }, context.json)
      }
    })
}

const applyHelp = `
Once one is in force, a platform.yaml that lies beside a manifest is not looked at by deploys.

Example:
  $ roadstead platform apply platform.yaml`

function applied(file: string): string {
  return `${file} is in force; \`roadstead platform show\` prints it`
}

/** `roadstead platform show`: the file in force, as it was applied. */
function showCommand(): Command {
  return new Command('show')
    .description('print the platform.yaml in force')
    .addHelpText('after', '\nExample:\n  $ roadstead platform show > platform.yaml')
    .action(async (_options: unknown, command: Command) => {
      const context = await openContext(command)
      const kept = await context.client.platform()
      if (context.json) return printJson(kept ?? null)
      if (kept === undefined) return remark('no platform.yaml was applied')
      const when = timeText(kept.appliedAt, context.clock.now())
      remark(toned(`applied by ${kept.appliedBy}, ${when}`, 'quiet'))
      print(kept.text.trimEnd())
    })
}
