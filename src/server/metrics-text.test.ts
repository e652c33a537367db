import { expect, test } from 'vitest'
import { metricsText } from './metrics-text.ts'

test('a family is its help, its type and a line for each sample', () => {
  const text = metricsText([
    {
      name: 'roadstead_bound_used',
      help: 'how full it is',
      type: 'gauge',
      samples: [{ labels: { name: 'a', node: 'n1' }, value: 3 }, { value: 0.5 }],
    },
  ])
  expect(text).toBe(`# HELP roadstead_bound_used how full it is
# TYPE roadstead_bound_used gauge
roadstead_bound_used{name="a",node="n1"} 3
roadstead_bound_used 0.5
`)
})

test('quotes, backslashes and line breaks end neither a label nor a line', () => {
  const text = metricsText([
    {
      name: 'x',
      help: 'a\nb \\',
      type: 'counter',
      samples: [{ labels: { l: 'a"b\\c\nd' }, value: 1 }],
    },
  ])
  expect(text).toBe('# HELP x a\\nb \\\\\n# TYPE x counter\nx{l="a\\"b\\\\c\\nd"} 1\n')
})
