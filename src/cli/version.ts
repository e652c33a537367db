import { Command } from 'commander'
import { openContext } from './context.ts'
import { print, printJson } from './terminal/output.ts'

/** `roadstead version`: this program's, and the server's where one answers. */
export function versionCommand(): Command {
  return new Command('version')
    .description("print the versions of this program, its Node.js, and the server's")
    .action(async (_options: unknown, command: Command) => {
      const [{ programVersion }, { Fault }] = await Promise.all([
        import('./program-version.ts'),
        import('../base/errors.ts'),
      ])
      const context = await openContext(command, { patienceMs: 0 })
      const server = await context.client.health().catch((error: unknown) => {
        if (error instanceof Fault) return undefined
        throw error
      })
      if (context.json) {
        const versions = { roadstead: programVersion, node: process.version }
        return printJson({ ...versions, server: server?.version ?? null })
      }
      print(`roadstead ${programVersion} on Node.js ${process.version.slice(1)}`)
      const answer = server === undefined ? 'does not answer' : `runs ${server.version}`
      print(`the server at ${context.settings.server} ${answer}`)
    })
}
