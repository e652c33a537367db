import { Command, Option } from 'commander'
import { approveCommand } from './approve.ts'
import { auditCommand } from './audit.ts'
import { backupCommand } from './backup.ts'
import { globalHeading } from './command-tree.ts'
import { boundsCommand } from './bounds.ts'
import { buildCommand } from './build.ts'
import { completionCommand } from './completion.ts'
import { completionNamesCommand } from './completion-names.ts'
import { deployCommand } from './deploy.ts'
import { destroyCommand } from './destroy.ts'
import { devCommand } from './dev.ts'
import { doctorCommand } from './doctor.ts'
import { driftCommand } from './drift.ts'
import { eventsCommand } from './events.ts'
import { execCommand } from './exec.ts'
import { historyCommand } from './history.ts'
import { importCommand } from './import.ts'
import { initCommand } from './init.ts'
import { jobsCommand } from './jobs.ts'
import { logsCommand } from './logs.ts'
import { localCommand } from './local.ts'
import { nodesCommand } from './nodes.ts'
import { openCommand } from './open.ts'
import { planCommand } from './plan.ts'
import { platformCommand } from './platform.ts'
import { plansCommand } from './plans.ts'
import { programVersion } from './program-version.ts'
import { promoteCommand } from './promote.ts'
import { psCommand } from './ps.ts'
import { releasesCommand } from './releases.ts'
import { renderCommand } from './render.ts'
import { restoreCommand } from './restore.ts'
import { revertCommand } from './revert.ts'
import { roleCommands, roleNames } from './roles/commands.ts'
import { rolloutCommand } from './rollout.ts'
import { rolloutsCommand } from './rollouts.ts'
import { runCommand } from './run.ts'
import { runsCommand } from './runs.ts'
import { schemaCommand } from './schema.ts'
import { scaleCommand } from './scale.ts'
import { startCommand } from './start.ts'
import { statusCommand } from './status.ts'
import { replaceCommand } from './replace.ts'
import { stopCommand } from './stop.ts'
import { testLinkCommand } from './test-link.ts'
import { tokensCommand } from './tokens.ts'
import { undestroyCommand } from './undestroy.ts'
import { upCommand } from './up.ts'
import { validateCommand } from './validate.ts'
import { versionCommand } from './version.ts'
import { volumesCommand } from './volumes.ts'
import { whyCommand } from './why.ts'

/**
 * Builds the tree of commands. Their files import what they need when they run, so that this, and
 * with it `--help` and completion, loads nothing but commander.
 */
export function buildProgram(): Command {
  const program = new Command('roadstead')
    .description("The application cloud for a company's own machines.")
    .usage('COMMAND [options]')
    .version(programVersion, '-V, --version', 'print the version')
    .enablePositionalOptions()
    .addHelpText('after', closing)
  for (const [title, commands] of groups()) {
    for (const command of commands) program.addCommand(command.helpGroup(title))
  }
  program.addCommand(completionNamesCommand(), { hidden: true })
  program.addHelpCommand(helpCommand())
  for (const command of [program, ...program.commands.flatMap(withSubcommands)]) prepare(command)
  return program
}

function groups(): [title: string, commands: Command[]][] {
  return [
    ['Run the cloud:', cloudCommands()],
    ['Describe an app:', [initCommand(), importCommand(), validateCommand(), renderCommand()]],
    ['Change what runs:', changeCommands()],
    [
      'See what runs:',
      [
        statusCommand(),
        psCommand(),
        volumesCommand(),
        jobsCommand(),
        logsCommand(),
        execCommand(),
        openCommand(),
        testLinkCommand(),
      ],
    ],
    ['See what happened, and why:', historyCommands()],
    ['About this program:', [doctorCommand(), completionCommand(), versionCommand()]],
  ]
}

function cloudCommands(): Command[] {
  return [
    upCommand(),
    devCommand(),
    platformCommand(),
    tokensCommand(),
    backupCommand(),
    restoreCommand(),
    ...roleCommands(),
  ]
}

function changeCommands(): Command[] {
  return [
    buildCommand(),
    planCommand(),
    deployCommand(),
    promoteCommand(),
    approveCommand(),
    revertCommand(),
    runCommand(),
    scaleCommand(),
    stopCommand(),
    startCommand(),
    replaceCommand(),
    destroyCommand(),
    undestroyCommand(),
  ]
}

function historyCommands(): Command[] {
  return [
    rolloutsCommand(),
    rolloutCommand(),
    runsCommand(),
    releasesCommand(),
    schemaCommand(),
    eventsCommand(),
    historyCommand(),
    auditCommand(),
    driftCommand(),
    whyCommand(),
    nodesCommand(),
    localCommand(),
    plansCommand(),
    boundsCommand(),
  ]
}

function helpCommand(): Command {
  return new Command('help')
    .argument('[command]')
    .description('print what a command does and how it is used')
    .helpGroup('About this program:')
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

/** What all commands share: errors are thrown, and what speaks to a server knows which. */
function prepare(command: Command): void {
  command
    .exitOverride()
    .showHelpAfterError(`(roadstead help${command.parent === null ? '' : ` ${command.name()}`})`)
    .showSuggestionAfterError()
    .configureHelp({ subcommandTerm: termOf })
  if (roleNames.has(command.name())) return
  command.helpOption('-h, --help', 'print this help')
  if (command.name() === 'up') return
  command.optionsGroup(globalHeading)
  for (const option of globalOptions()) command.addOption(option)
}

/** A command with its arguments; that it has options goes without saying. */
function termOf(command: Command): string {
  const parameters = command.registeredArguments.map((argument) =>
    argument.required ? ` <${argument.name()}>` : ` [${argument.name()}]`,
  )
  return command.name() + parameters.join('')
}

function globalOptions(): Option[] {
  return [
    new Option('--server <url>', 'the server (ROADSTEAD_SERVER; else the one `up` runs here)'),
    new Option('--token-file <path>', 'the file that holds your token (ROADSTEAD_TOKEN_FILE)'),
    new Option('--cell <environment/tenant>', 'where it runs; local/default unless you say'),
    new Option('--json', "print the API's data"),
    new Option('--no-color', 'print without colours'),
  ]
}

const closing = `
Examples:
  $ roadstead up --demo                  start the cloud, the sample shop and some load
  $ roadstead init && roadstead deploy   describe the app in this folder, and deploy it
  $ roadstead deploy --version v2        carry its next version in, and watch
  $ roadstead logs -f storefront         follow what its instances print
  $ roadstead why i-7k3                  learn why an instance is where it is, or nowhere

Exit codes:
  0 done   1 refused or failed   2 wrong usage   3 no server answers   4 the server failed`
