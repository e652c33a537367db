import { spotAt, type CellView } from './cell-view.ts'
import { shellCommand, splitCommand } from './command.ts'

/** A command line that splits, or a list of arguments that begins with a program. */
export function checkCommand(
  view: CellView,
  command: string | readonly string[] | undefined,
  ...path: string[]
): void {
  if (command === undefined) return
  if (typeof command !== 'string') {
    if (command[0]?.trim() !== '') return
    const hint = 'the first item names the program'
    view.faults.add('run-refused', spotAt(view, ...path, '0'), 'the program is empty', hint)
    return
  }
  const split = splitCommand(command)
  if (!split.ok) view.faults.add('run-refused', spotAt(view, ...path), split.message, split.hint)
}

/** The arguments of a command that has passed `checkCommand`. */
export function argumentsOf(
  run: string | readonly string[] | undefined,
  shell?: string,
): string[] | null {
  if (shell !== undefined) return shellCommand(shell)
  if (run === undefined) return null
  if (typeof run !== 'string') return [...run]
  const split = splitCommand(run)
  return split.ok ? split.args : null
}
