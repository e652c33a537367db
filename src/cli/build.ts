import { Command } from 'commander'
import { addComposeOptions } from './compose/compose-file.ts'
import { openContext } from './context.ts'
import type { DeployOptions } from './manifest/deployable.ts'
import { print, printJson } from './terminal/output.ts'

/** `roadstead build [FILE]`: the images of the app in this folder, and nothing else. */
export function buildCommand(): Command {
  const command = new Command('build')
    .description('build the images of the app in this folder that are not built yet')
    .argument('[file]', 'the manifest, the folder that it lies in, or a compose file')
    .option('--accept', 'of a compose file: go on without what cannot be carried over')
  return addComposeOptions(command).addHelpText('after', examples).action(run)
}

const examples = `
\`roadstead deploy\` does it by itself; \`roadstead plan\` needs it done. What was built from the same
files before is found in its registry, and not built again.

Examples:
  $ roadstead build
  $ roadstead build docker-compose.yml --registry registry.example/team`

async function run(
  file: string | undefined,
  given: DeployOptions,
  command: Command,
): Promise<void> {
  const context = await openContext(command)
  const [{ withDeployable }, { ensureBuilt }] = await Promise.all([
    import('./manifest/deployable.ts'),
    import('./manifest/image-builds.ts'),
  ])
  const options = file === undefined ? given : { ...given, file }
  const built = await withDeployable(context, options, (deployable) =>
    ensureBuilt(context, deployable),
  )
  if (context.json) return printJson(built)
  if (built.length === 0) print('no service of the manifest has a `build`')
  for (const { service, image } of built) print(`${service}  ${image}`)
}
