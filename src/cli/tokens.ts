import { Command, Option } from 'commander'
import { systemRandom } from '../base/random.ts'
import type { TokenRequest } from '../wire/access.ts'
import { openContext } from './context.ts'
import { timeText } from './terminal/format.ts'
import { print, printJson, printTable, remark } from './terminal/output.ts'

/** 256 bits of chance, as in the server's own tokens. */
const tokenBytes = 32

/** `roadstead tokens`: who may come, and as whom. */
export function tokensCommand(): Command {
  return new Command('tokens')
    .description('print who has a token, and which roles it carries')
    .addHelpText('after', '\nExample:\n  $ roadstead tokens')
    .addCommand(createCommand())
    .addCommand(revokeCommand())
    .action(async (_options: unknown, command: Command) => {
      const context = await openContext(command)
      const tokens = await context.client.tokens()
      if (context.json) return printJson(tokens)
      const now = context.clock.now()
      await printTable(
        tokens,
        [
          { title: 'NAME', of: ({ name }) => name },
          { title: 'ROLE', of: ({ role }) => role },
          { title: 'MAY', of: ({ may }) => may.join(', ') || '-' },
          { title: 'SINCE', of: ({ createdAt }) => timeText(createdAt, now) },
        ],
        'nobody has a token',
      )
    })
}

interface CreateOptions {
  readonly role: TokenRequest['role']
  readonly may: readonly string[]
  readonly out?: string
}

/** `roadstead tokens create NAME`: the token is made here; the server learns its digest only. */
function createCommand(): Command {
  const role = new Option('--role <role>', 'what it may do')
  return new Command('create')
    .description('make a token for a person or a program, and print it once')
    .argument('<name>', 'by which the log and the gates know its bearer')
    .addOption(role.choices(['operator', 'developer', 'viewer']).default('developer'))
    .option('--may <role>', 'a role of platform.yaml besides; may be repeated', collect, [])
    .option('--out <path>', 'write it to a new file that only you can read, instead of printing it')
    .addHelpText('after', createHelp)
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const context = await openContext(command)
      const { digestOf } = await import('../base/digest.ts')
      const token = `rst_${Buffer.from(systemRandom.bytes(tokenBytes)).toString('base64url')}`
      const { role: chosen, may, out } = options
      const request = { name, role: chosen, may: [...may], hash: digestOf(token) }
      // The file first: what cannot be kept is not admitted.
      if (out !== undefined) await writeSecret(out, token)
      const written = await context.client.createToken(request)
      if (context.json) {
        return printJson({ ...written, name, ...(out === undefined ? { token } : { file: out }) })
      }
      if (out === undefined) print(token)
      remark(`${name} may come with it: --token-file, or ROADSTEAD_TOKEN; it is not shown again`)
    })
}

const createHelp = `
Roles: operators do everything; developers release apps and neither change gates nor make tokens;
viewers look. --may names who passes which gate: approve: { role: releaser } in platform.yaml.

Example:
  $ roadstead tokens create alice --role developer --may releaser --out alice.token`

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

async function writeSecret(path: string, token: string): Promise<void> {
  const [{ writeFile }, { messageOf, Refusal }] = await Promise.all([
    import('node:fs/promises'),
    import('../base/errors.ts'),
  ])
  try {
    await writeFile(path, `${token}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new Refusal('file-unwritable', `${path}: ${messageOf(error)}`, {
      path: '--out',
      hint: 'name a file that is not there yet, in a folder that you may write to',
    })
  }
}

/** `roadstead tokens revoke NAME`: nobody comes with it any more. */
function revokeCommand(): Command {
  return new Command('revoke')
    .description('end a token, and the sessions that were opened with it')
    .argument('<name>', 'whose it is')
    .addHelpText('after', '\nExample:\n  $ roadstead tokens revoke alice')
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const written = await context.client.revokeToken(name)
      if (context.json) return printJson(written)
      print(`the token of ${name} is revoked`)
    })
}
