import type { CommandNode, OptionNode } from '../src/cli/command-tree.ts'

/** The tree of commands as Markdown: one section per heading of `--help`, one entry per command. */
export function renderCliReference(program: CommandNode): string {
  const groups = new Map<string, CommandNode[]>()
  for (const command of program.commands) {
    groups.set(command.group, [...(groups.get(command.group) ?? []), command])
  }
  const global = program.commands.flatMap(({ options }) =>
    options.filter(({ isGlobal }) => isGlobal),
  )
  const shared = [...new Map(global.map((option) => [option.long, option])).values()]
  const sections = [...groups].map(([title, commands]) => {
    return `## ${title.replace(/:$/, '')}\n\n${commands.map(renderCommand).join('\n')}`
  })
  return [preface, renderOptions(shared), closing, ...sections].join('\n')
}

const preface = `# The commands

Made from the tree of commands by \`node scripts/generate-cli-reference.ts\`; a test compares the two.
The same is in \`roadstead help COMMAND\`.

An app, a service or a job is named as \`app\`, \`app/service\` or \`service\`, where only one fits; of
an id a beginning is enough. \`source <(roadstead completion bash)\` lets a shell complete all of it,
names included.

## Options of every command
`

const closing = `
Roles and \`up\` start servers instead of speaking to one: their options are their own.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | refused, or failed |
| 2 | wrong usage; with \`--exit-code\`: there is a difference |
| 3 | no server answers |
| 4 | the server failed |
| 70 | an assertion of the program's own failed: please report it |
| 130 | ended by Ctrl-C |

\`roadstead run\` ends with the exit code of the job.
`

function renderCommand(command: CommandNode): string {
  const { path, description, usage, commands } = command
  const options = command.options.filter(({ isGlobal }) => !isGlobal)
  const described = command.arguments.filter((argument) => argument.description !== '')
  return [
    `### roadstead ${path}\n`,
    `\`roadstead ${path} ${usage}\`\n`,
    `${sentence(description)}\n`,
    ...(described.length === 0 ? [] : [renderArguments(described)]),
    ...(options.length === 0 ? [] : [renderOptions(options)]),
    ...(command.closing === '' ? [] : [`\`\`\`text\n${command.closing}\n\`\`\`\n`]),
    ...commands.map(renderCommand),
  ].join('\n')
}

function renderArguments(all: CommandNode['arguments']): string {
  const rows = all.map(({ name, description }) => `| \`${name}\` | ${cell(description)} |`)
  return `${['| argument | |', '|---|---|', ...rows].join('\n')}\n`
}

function renderOptions(options: readonly OptionNode[]): string {
  const rows = options.map((option) => {
    const standard = option.default === '' ? '' : `\`${option.default}\``
    return `| \`${option.flags}\` | ${cell(option.description)} | ${standard} |`
  })
  return `${['| option | | unless you say |', '|---|---|---|', ...rows].join('\n')}\n`
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.…]$/.test(first) ? first : `${first}.`
}

/** Inside a table's cell: angle brackets would be taken for tags. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/<([^>]+)>/g, '`<$1>`')
}
