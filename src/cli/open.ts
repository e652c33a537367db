import { Command } from 'commander'
import { Refusal } from '../base/errors.ts'
import { openContext, type Context } from './context.ts'
import { print, printJson, remark } from './terminal/output.ts'

/** `roadstead open [SERVICE]`: the address of the console, an app or a service, in a browser. */
export function openCommand(): Command {
  return new Command('open')
    .description('open the console, or an app or service with a route, in the browser')
    .argument('[service]', 'app, app/service or service; the console unless you say')
    .option('-p, --print', 'print the address only')
    .addHelpText('after', '\nExamples:\n  $ roadstead open\n  $ roadstead open shop --print')
    .action(async (name: string | undefined, options: { print?: boolean }, command: Command) => {
      const context = await openContext(command)
      const url = name === undefined ? await consoleUrl(context) : await urlOf(context, name)
      if (context.json) return printJson({ url })
      print(url)
      if (options.print !== true && process.stdout.isTTY) await openInBrowser(url)
    })
}

/** The console's address; the token in the fragment logs in and is never sent to a server. */
async function consoleUrl({ settings }: Context): Promise<string> {
  const { readToken } = await import('./api/settings.ts')
  const token = readToken(settings)
  const fragment = token === undefined ? '' : `#token=${encodeURIComponent(token.reveal())}`
  return `${settings.server}/${fragment}`
}

async function urlOf(context: Context, name: string): Promise<string> {
  const { resolveAppOrService } = await import('./api/names.ts')
  const { app, service } = resolveAppOrService(name, await context.client.apps(), context.cell)
  const services = service === undefined ? app.services : [service]
  const url = services.find((candidate) => candidate.url !== null)?.url
  if (url !== undefined && url !== null) return url
  throw new Refusal('route-missing', `${name} has no route`, {
    hint: 'give a service a `route` in the manifest, and a health check with it',
  })
}

/** Starts the desktop's own opener; a machine without one has the printed address. */
async function openInBrowser(url: string): Promise<void> {
  const { spawn } = await import('node:child_process')
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true })
  child.on('error', () => remark(`open it in your browser (there is no ${opener} here)`))
  child.unref()
}
