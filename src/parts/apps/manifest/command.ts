/** How a `run` line becomes arguments. */
export type SplitLine =
  | { readonly ok: true; readonly args: string[] }
  | { readonly ok: false; readonly message: string; readonly hint: string }

/**
 * Splits a command line by the one stated rule (rule 9): spaces and tabs separate arguments; single
 * and double quotes hold what they enclose together and are left out; nothing is expanded, and a
 * backslash is a backslash. What only a shell would understand is refused, for it would reach the
 * program as an argument.
 */
export function splitCommand(line: string): SplitLine {
  const args: string[] = []
  let word: string | undefined
  let bare = true
  let quote: string | undefined
  for (const character of line) {
    if (quote !== undefined) {
      if (character === quote) quote = undefined
      else word = (word ?? '') + character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
      bare = false
    } else if (/\s/.test(character)) {
      if (word !== undefined) args.push(word)
      const refusal = refusalOf(word, bare, args.length)
      if (refusal !== undefined) return refusal
      word = undefined
      bare = true
    } else {
      word = (word ?? '') + character
    }
  }
  if (quote !== undefined) {
    const hint = 'close the quote, or put the line in the other kind of quotes'
    return { ok: false, message: `the quote ${quote} is never closed`, hint }
  }
  if (word !== undefined) args.push(word)
  const refusal = refusalOf(word, bare, args.length)
  if (refusal !== undefined) return refusal
  if (args.length === 0 || args[0] === '') {
    return { ok: false, message: 'there is no command', hint: 'for instance node server.js' }
  }
  return { ok: true, args }
}

const operators: ReadonlySet<string> = new Set([
  '&&',
  '||',
  '|',
  ';',
  '&',
  '>',
  '>>',
  '<',
  '2>',
  '2>&1',
  '2>>',
])

/** What a word without quotes would have meant to a shell. */
function refusalOf(
  word: string | undefined,
  bare: boolean,
  position: number,
): SplitLine | undefined {
  if (word === undefined || !bare) return undefined
  if (operators.has(word) || word.endsWith(';')) {
    const message = `\`${word}\` means something to a shell only, and \`run\` has none`
    return { ok: false, message, hint: 'say `shell:` instead of `run:`, or put it in quotes' }
  }
  if (/\$[A-Za-z_{(]|`/.test(word)) {
    const message = `\`${word}\` is not expanded: \`run\` has no shell`
    return {
      ok: false,
      message,
      hint: 'say `shell:` instead of `run:`, or read the variable in the program',
    }
  }
  if (position === 1 && /^[A-Za-z_][A-Za-z0-9_]*=/.test(word)) {
    const message = `\`${word}\` is not a program: \`run\` has no shell`
    return { ok: false, message, hint: 'put variables under `env:`' }
  }
  return undefined
}

/** A line for the shell as arguments. */
export function shellCommand(line: string): string[] {
  return ['/bin/sh', '-c', line]
}
