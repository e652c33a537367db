import type { Command } from 'commander'

/**
 * Completion scripts, made from the command tree itself, so that they never fall behind it. Names
 * are checked, since a shell will evaluate the script.
 */
export function completionScript(shell: 'bash' | 'zsh', program: Command): string {
  return shell === 'bash' ? bashScript(program) : zshScript(program)
}

function bashScript(program: Command): string {
  const cases = program.commands.map(
    (command) => `    ${safe(command.name())}) words='${optionsOf(command).join(' ')}' ;;`,
  )
  return `# bash completion of ${program.name()}
_${program.name()}() {
  local current=\${COMP_WORDS[COMP_CWORD]} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${commandNames(program).join(' ')}'
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    help) words='${commandNames(program).join(' ')}' ;;
    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${program.name()} ${program.name()}
`
}

function zshScript(program: Command): string {
  const commands = program.commands.map(
    (command) => `    '${safe(command.name())}:${quoted(command.description())}'`,
  )
  const cases = program.commands.map((command) => {
    const options = command.options.filter((option) => option.long !== undefined)
    const words = options.map(
      (option) => `'${safe(option.long ?? '')}[${quoted(option.description)}]'`,
    )
    return `    ${safe(command.name())}) _arguments ${[...words, "'*:file:_files'"].join(' ')} ;;`
  })
  return `#compdef ${program.name()}
_${program.name()}() {
  local -a commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
    help) _describe command commands ;;
    *) _files ;;
  esac
}
if [ "$funcstack[1]" = "_${program.name()}" ]; then
  _${program.name()} "$@"
else
  compdef _${program.name()} ${program.name()}
fi
`
}

function commandNames(program: Command): string[] {
  return [...program.commands.map((command) => safe(command.name())), 'help']
}

function optionsOf(command: Command): string[] {
  return command.options.flatMap((option) => (option.long === undefined ? [] : [safe(option.long)]))
}

/** A command's or an option's name, which may hold nothing that a shell would act on. */
function safe(name: string): string {
  return name.replaceAll(/[^a-z0-9-]/gi, '')
}

/** A description inside single quotes and brackets of a zsh specification. */
function quoted(text: string): string {
  return text.replaceAll("'", '’').replaceAll(/[:[\]\\]/g, ' ')
}
