/**
 * Variables in the values of a compose file, as compose-spec has them: `$NAME`, `${NAME}`, `${NAME:-x}`,
 * `${NAME-x}`, `${NAME:?x}`, `${NAME?x}`, `${NAME:+x}`, `${NAME+x}`, with variables in `x` too, and `$$`
 * for a dollar sign.
 */

/** A variable's value, and where it is from: `the environment`, or `.env:3`. */
export interface Variable {
  readonly value: string
  readonly from: string
}

export type Variables = ReadonlyMap<string, Variable>

/** What came of a text. */
export interface Filled {
  readonly text: string
  /** Variables that were filled in, each once. */
  readonly used: readonly string[]
  /** Variables that nothing sets and for which the text has no default: empty, as compose has it. */
  readonly unset: readonly string[]
  /** What is wrong; the text is not to be used then. */
  readonly problem?: FillProblem
}

export interface FillProblem {
  readonly code: 'variable-unset' | 'variable-refused'
  readonly message: string
  readonly hint: string
}

/** Defaults inside defaults; nobody reads more than two. */
const depthMax = 10

/** Characters that a value may have when all is filled in. */
const charactersMax = 65_536

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*/

/** Fills in the variables of one value. */
export function interpolate(text: string, variables: Variables): Filled {
  if (!text.includes('$')) return { text, used: [], unset: [] }
  const used = new Set<string>()
  const unset = new Set<string>()
  try {
    const filled = fill(text, { variables, used, unset }, 0)
    return { text: filled, used: [...used], unset: [...unset] }
  } catch (error) {
    if (!(error instanceof Unfillable)) throw error
    return { text, used: [], unset: [], problem: error.problem }
  }
}

/** Ends the filling of one text; never leaves this file. */
class Unfillable extends Error {
  readonly problem: FillProblem

  constructor(code: FillProblem['code'], message: string, hint: string) {
    super(message)
    this.problem = { code, message, hint }
  }
}

interface Filling {
  readonly variables: Variables
  readonly used: Set<string>
  readonly unset: Set<string>
}

function fill(text: string, filling: Filling, depth: number): string {
  if (depth > depthMax) {
    const hint = 'set the variable, or give one default'
    throw new Unfillable(
      'variable-refused',
      `variables are nested more than ${depthMax} deep`,
      hint,
    )
  }
  let filled = ''
  for (let at = 0; at < text.length;) {
    const dollar = text.indexOf('$', at)
    if (dollar < 0) return bounded(filled + text.slice(at))
    filled += text.slice(at, dollar)
    const next = text[dollar + 1]
    if (next === '$') {
      filled += '$'
      at = dollar + 2
    } else if (next === '{') {
      const end = closingBrace(text, dollar + 2)
      filled += braced(text.slice(dollar + 2, end), filling, depth)
      at = end + 1
    } else {
      const name = namePattern.exec(text.slice(dollar + 1))?.[0]
      if (name === undefined) throw stray(text.slice(dollar, dollar + 12))
      filled += valueOf(name, filling)
      at = dollar + 1 + name.length
    }
    bounded(filled)
  }
  return filled
}

function bounded(text: string): string {
  if (text.length <= charactersMax) return text
  const message = `with its variables the value has more than ${charactersMax} characters`
  throw new Unfillable('variable-refused', message, 'shorten the variable')
}

function stray(words: string): Unfillable {
  const message = `\`${words}\` is no variable`
  return new Unfillable('variable-refused', message, 'write $$ for a dollar sign')
}

/** Where the brace that is open at `from` closes. */
function closingBrace(text: string, from: number): number {
  let open = 1
  for (let at = from; at < text.length; at++) {
    if (text[at] === '$' && text[at + 1] === '{') open++
    else if (text[at] === '}' && --open === 0) return at
  }
  throw new Unfillable('variable-refused', 'the brace of `${` is never closed', 'add }')
}

/** What stands between braces. */
function braced(inner: string, filling: Filling, depth: number): string {
  const name = namePattern.exec(inner)?.[0]
  const [, operator, word = ''] = /^(:?[-?+])([^]*)$/.exec(inner.slice(name?.length ?? 0)) ?? []
  if (name === undefined || (operator === undefined && name !== inner)) {
    throw stray(`\${${inner.slice(0, 40)}}`)
  }
  if (operator === undefined) return valueOf(name, filling)
  const value = filling.variables.get(name)?.value
  const isThere = operator.startsWith(':')
    ? value !== undefined && value !== ''
    : value !== undefined
  if (operator.endsWith('+')) return isThere ? fill(word, filling, depth + 1) : ''
  if (isThere) return valueOf(name, filling)
  if (operator.endsWith('-')) return fill(word, filling, depth + 1)
  const reason = fill(word, filling, depth + 1).trim()
  const message = `\`${name}\` has to be set${reason === '' ? '' : `: ${reason}`}`
  throw new Unfillable('variable-unset', message, `set it: ${name}=… in .env or the environment`)
}

function valueOf(name: string, { variables, used, unset }: Filling): string {
  const variable = variables.get(name)
  if (variable === undefined) unset.add(name)
  else used.add(name)
  return variable?.value ?? ''
}
