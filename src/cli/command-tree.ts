import type { Argument, Command, Option } from 'commander'
import { loadRole, roleNames } from './roles/commands.ts'

/** The commands as data, for what is made of them: completion scripts and docs/reference/cli.md. */
export interface CommandNode {
  /** `rollouts cancel`; empty for the program itself. */
  readonly path: string
  readonly description: string
  /** Under which heading `--help` lists it. */
  readonly group: string
  /** `[options] [app]`. */
  readonly usage: string
  readonly arguments: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly OptionNode[]
  /** What `--help` says below the lists: rules, examples. */
  readonly closing: string
  readonly commands: readonly CommandNode[]
}

export interface OptionNode {
  readonly long: string
  readonly short: string | undefined
  /** `--file <path>`, with its short form before it. */
  readonly flags: string
  readonly description: string
  readonly takesValue: boolean
  /** As a person would type it; empty where there is none. */
  readonly default: string
  /** It is one of those that every command has. */
  readonly isGlobal: boolean
}

/** Reads the tree of commands, the roles' own options included. */
export async function commandTree(program: Command): Promise<CommandNode> {
  return nodeOf(program, '', '')
}

async function nodeOf(shown: Command, path: string, group: string): Promise<CommandNode> {
  const isRole = path !== '' && roleNames.has(path)
  const command = isRole ? await loadRole(path) : shown
  const commands = shown.createHelp().visibleCommands(shown)
  return {
    path,
    description: shown.description(),
    group,
    usage: command.usage(),
    arguments: command.registeredArguments.map(argumentOf),
    options: command.options.filter(({ hidden }) => !hidden).map(optionOf),
    closing: closingOf(command),
    commands: await Promise.all(
      commands.map((child) => nodeOf(child, `${path} ${child.name()}`.trim(), child.helpGroup())),
    ),
  }
}

function argumentOf(argument: Argument): CommandNode['arguments'][number] {
  return { name: argument.name(), description: argument.description }
}

function optionOf(option: Option): OptionNode {
  return {
    long: option.long ?? '',
    short: option.short ?? undefined,
    flags: option.flags,
    description: option.description,
    takesValue: option.required || option.optional,
    default: option.defaultValueDescription ?? defaultText(option.defaultValue),
    isGlobal: option.helpGroupHeading === globalHeading,
  }
}

/** The heading of the options that every command has. */
export const globalHeading = 'Options of every command:'

function defaultText(value: unknown): string {
  if (value === undefined || value === false) return ''
  if (typeof value !== 'object' || value === null) return String(value)
  if ('from' in value && 'to' in value) return `${String(value.from)}-${String(value.to)}`
  return 'host' in value && 'port' in value ? `${String(value.host)}:${String(value.port)}` : ''
}

/** What was added after the help: it is told to listeners only, as the help is printed. */
function closingOf(command: Command): string {
  let printed = ''
  const before = { ...command.configureOutput() }
  command.configureOutput({ writeOut: (text) => void (printed += text) })
  command.outputHelp()
  command.configureOutput(before)
  return printed.slice(command.helpInformation().length).trim()
}
