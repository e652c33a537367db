import type { CommandNode, OptionNode } from '../command-tree.ts'

/**
 * Completion scripts, made from the command tree itself, so that they never fall behind it: of
 * commands and options by themselves, of apps, services, instances, jobs … by asking the server.
 * Words are checked, since a shell will evaluate the script.
 */
export function completionScript(shell: 'bash' | 'zsh', program: CommandNode): string {
  return shell === 'bash' ? bashScript(program) : zshScript(program)
}

/** What an argument or an option's value is one of; see `roadstead completion-names`. */
const kinds: Readonly<Record<string, string>> = {
  app: 'apps',
  service: 'services',
  instance: 'instances',
  job: 'jobs',
  run: 'runs',
  id: 'rollouts',
  node: 'nodes',
  object: 'objects',
  cell: 'cells',
  file: 'files',
  path: 'files',
}

/** Of options; what takes a value of any other kind is completed by nothing. */
const optionKinds: Readonly<Record<string, string>> = {
  '--cell': 'cells',
  '--instance': 'instances',
  '--file': 'files',
  '--data': 'files',
  '--token-file': 'files',
  '--audit-checkpoints': 'files',
}

/** Stands for "no name fits here, and nothing else does". */
const nothing = 'nothing'

function bashScript(program: CommandNode): string {
  const name = safe(program.path === '' ? 'roadstead' : program.path)
  const all = flat(program)
  const cases = all.map(
    (node) =>
      `      '${node.path}') words='${wordsOf(node).join(' ')}' options='${longOptions(node).join(' ')}' names='${kindOf(node)}' ;;`,
  )
  return `# bash completion of ${name}: made by \`${name} completion bash\`
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local place='' words='' options='' names='' index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$place \${COMP_WORDS[index]}" in
      ${placesOf(all)}) place="\${place:+$place }\${COMP_WORDS[index]}" ;;
    esac
  done
  case "$place $previous" in
${valueCases(all, '')}
    *) case $place in
${cases.join('\n')}
    esac ;;
  esac
  case $current in -*) COMPREPLY=($(compgen -W "$options" -- "$current")); return ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case $names in
    ${nothing}) ;;
    files) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$current")) ;;
    '') [ -n "$words" ] || COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) words=$(${name} completion-names "$names" "$COMP_LINE" 2>/dev/null)
      COMPREPLY+=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -F _${name} ${name}
`
}

function zshScript(program: CommandNode): string {
  const name = safe(program.path === '' ? 'roadstead' : program.path)
  const all = flat(program)
  const cases = all.map((node) => {
    const commands = [
      ...node.commands.map(({ path, description }) => described(lastOf(path), description)),
      ...extraWords(node).map((word) => described(word, '')),
    ]
    const options = optionsOf(node).map(({ long, description }) => described(long, description))
    return `    ('${node.path}')
      words_here=(${commands.join(' ')})
      options=(${options.join(' ')})
      names='${kindOf(node)}' ;;`
  })
  return `#compdef ${name}
_${name}() {
  local place='' names='' index
  local -a words_here options found
  for ((index = 2; index < CURRENT; index++)); do
    case "$place \${words[index]}" in
      (${placesOf(all)}) place="\${place:+$place }\${words[index]}" ;;
    esac
  done
  case "$place \${words[CURRENT-1]}" in
${valueCases(all, '(')}
    (*) case $place in
${cases.join('\n')}
    esac ;;
  esac
  if [[ $PREFIX == -* || -z "$names$words_here" ]]; then
    _describe -o option options
    return
  fi
  (( $#words_here )) && _describe -t commands command words_here
  case $names in
    (''|${nothing}) ;;
    (files) _files ;;
    (*) found=(\${(f)"$(${name} completion-names $names "\${words[*]}" 2>/dev/null)"})
      (( $#found )) && compadd -a found ;;
  esac
}
if [ "$funcstack[1]" = "_${name}" ]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`
}

/** The program and everything below it. */
function flat(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(flat)]
}

/** A pattern of the words that lead further into the tree. */
function placesOf(all: readonly CommandNode[]): string {
  return all
    .filter(({ path }) => path !== '')
    .map(({ path }) => `'${path.includes(' ') ? path : ` ${path}`}'`)
    .join('|')
}

/** Branches for the word after an option that takes a value, by what that value is. */
function valueCases(all: readonly CommandNode[], open: string): string {
  const byKind = new Map<string, string[]>()
  for (const node of all) {
    for (const { long, short, takesValue } of optionsOf(node)) {
      if (!takesValue) continue
      const kind = optionKinds[long] ?? nothing
      const flags = short === undefined ? [long] : [short, long]
      const places = flags.map((flag) => `'${node.path} ${flag}'`)
      byKind.set(kind, [...(byKind.get(kind) ?? []), ...places])
    }
  }
  return [...byKind]
    .map(([kind, places]) => `    ${open}${places.join('|')}) names=${kind} ;;`)
    .join('\n')
}

function wordsOf(node: CommandNode): string[] {
  return [...node.commands.map(({ path }) => safe(lastOf(path))), ...extraWords(node)]
}

/** Words that stand for an argument of which there are only a few. */
function extraWords(node: CommandNode): string[] {
  return node.arguments.some(({ name }) => name === 'shell') ? ['bash', 'zsh'] : []
}

function kindOf(node: CommandNode): string {
  const [first] = node.arguments
  return first === undefined ? '' : (kinds[first.name] ?? '')
}

function longOptions(node: CommandNode): string[] {
  return optionsOf(node).map(({ long }) => long)
}

function optionsOf(node: CommandNode): OptionNode[] {
  return node.options.filter(({ long }) => safe(long) === long && long !== '')
}

function lastOf(path: string): string {
  return path.split(' ').at(-1) ?? ''
}

/** A command's or an option's name, which may hold nothing that a shell would act on. */
function safe(name: string): string {
  return name.replaceAll(/[^a-z0-9-]/gi, '')
}

/** A word with its sentence, as zsh lists them. */
function described(word: string, description: string): string {
  const text = description.replaceAll("'", '’').replaceAll(/[:[\]\\]/g, ' ')
  return text === '' ? `'${word}'` : `'${word}:${text}'`
}
