/**
 * Prometheus' text form, version 0.0.4: a family is its help, its type and its samples; a sample is
 * a name, labels and a number.
 */

export interface Family {
  /** Lower-case letters, digits and underscores; a counter's ends in `_total`. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Families as the text that is scraped. */
export function metricsText(families: readonly Family[]): string {
  return families.map(familyText).join('')
}

function familyText({ name, help, type, samples }: Family): string {
  const lines = samples.map(({ labels = {}, value }) => `${name}${labelsText(labels)} ${value}`)
  const head = [`# HELP ${name} ${escaped(help, /[\\\n]/g)}`, `# TYPE ${name} ${type}`]
  return [...head, ...lines, ''].join('\n')
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value, /["\\\n]/g)}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(text: string, special: RegExp): string {
  return text.replaceAll(special, (letter) => (letter === '\n' ? '\\n' : `\\${letter}`))
}
