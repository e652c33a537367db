import { didYouMean } from './suggestion.ts'

/**
 * The condition of an alert: `rate(errors{service="checkout"}[3m]) > 1%`: a function over a figure
 * of the ingress or the agents, in a span, against a limit. Everything in it has to be measured by
 * somebody, so figures, functions and labels are closed lists.
 */
const shape = new RegExp(
  [
    '^([a-z0-9]+) ?\\( ?([a-zA-Z]+) ?',
    '(?:\\{([^{}]*)\\} ?)?',
    '(?:\\[ ?([0-9]+(?:s|m|h|d)) ?\\] ?)?',
    '\\) ?(?:>=|<=|>|<) ?[0-9]+(?:\\.[0-9]+)?(?:%|ms|s|MiB|GiB)?$',
  ].join(''),
)

const functions = ['rate', 'count', 'avg', 'min', 'max', 'p50', 'p95', 'p99']
const figures = [
  'requests',
  'errors',
  'failedRequests',
  'latency',
  'cpu',
  'memory',
  'restarts',
  'queue',
]
const labels = ['service', 'instance', 'route', 'queue', 'resource']

/** What keeps a condition from being watched; undefined where nothing does. */
export function conditionProblem(
  condition: string,
  services: readonly string[],
):
  | { code: 'bad-expression' | 'cannot-measure' | 'unknown-service'; message: string; hint: string }
  | undefined {
  /** One space at the most between two words: the pattern then never has to try twice. */
  const tidy = condition.slice(0, 1_000).replace(/\s+/g, ' ').trim()
  const parts = shape.exec(tidy)
  if (parts === null) {
    const message = 'the condition cannot be read'
    const hint = 'it has the form rate(errors{service="checkout"}[3m]) > 1%'
    return { code: 'bad-expression', message, hint }
  }
  const [, function_ = '', figure = '', matchers = '', span] = parts
  if (!functions.includes(function_)) {
    const message = `there is no function \`${function_}\``
    return { code: 'bad-expression', message, hint: didYouMean(function_, functions, '') }
  }
  if (!figures.includes(figure)) {
    const message = `\`${figure}\` cannot be measured: nothing counts it`
    return { code: 'cannot-measure', message, hint: didYouMean(figure, figures, '') }
  }
  if (span === undefined) {
    const hint = `write ${function_}(${figure}[5m])`
    return { code: 'bad-expression', message: 'the condition names no span', hint }
  }
  return matchersProblem(matchers, services)
}

function matchersProblem(
  matchers: string,
  services: readonly string[],
): ReturnType<typeof conditionProblem> {
  for (const matcher of matchers.split(',').filter((part) => part.trim() !== '')) {
    const [, label = '', value = ''] = /^\s*([a-z]+)\s*=\s*"([^"]*)"\s*$/.exec(matcher) ?? []
    if (label === '') {
      const message = `\`${matcher.trim()}\` cannot be read`
      return { code: 'bad-expression', message, hint: 'for instance service="checkout"' }
    }
    if (!labels.includes(label)) {
      const message = `there is no label \`${label}\``
      return { code: 'bad-expression', message, hint: didYouMean(label, labels, '') }
    }
    if (label === 'service' && !services.includes(value)) {
      const message = `there is no service \`${value}\``
      return { code: 'unknown-service', message, hint: didYouMean(value, services, '') }
    }
  }
  return undefined
}
