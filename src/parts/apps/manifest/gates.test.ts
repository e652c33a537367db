import { expect, test } from 'vitest'
import type { Gate } from '../../tenants/model.ts'
import { gatesOf } from './gates.ts'
import { parsePlatform } from './platform.ts'

function gatesIn(environment: string): Record<string, Gate> {
  const text = `roadstead: v1
platform: shop-europe
nodeGroups: { general: { engine: agents, zones: [a] } }
environments:
  qa: { nodeGroup: general }
  prod: ${environment}
`
  const parsed = parsePlatform(text, 'platform.yaml')
  if (!parsed.ok) throw new Error(parsed.faults.map(({ message }) => message).join('; '))
  return gatesOf(parsed.value)
}

function aFreeze(from: string, until: string, timezone: string): Gate['freeze'] {
  const span = `{ from: "${from}", until: "${until}", timezone: ${timezone} }`
  return gatesIn(`{ nodeGroup: general, freeze: [ ${span} ] }`)['prod']?.freeze
}

test('gates are by environment, and empty where there are none', () => {
  const approve = '{ role: releaser, people: 2 }'
  expect(gatesIn(`{ nodeGroup: general, approve: ${approve} }`)).toEqual({
    qa: {},
    prod: { approve: { role: 'releaser', people: 2, notAuthor: false } },
  })
})

test.each([
  // Winter, summer, a zone of half an hour, and one behind UTC.
  ['2026-11-27 00:00', '2026-11-30 08:00', 'Europe/Prague', '2026-11-26T23:00', '2026-11-30T07:00'],
  ['2026-07-01 00:00', '2026-07-02 00:00', 'Europe/Prague', '2026-06-30T22:00', '2026-07-01T22:00'],
  ['2026-07-01 00:00', '2026-07-02 00:00', 'Asia/Kolkata', '2026-06-30T18:30', '2026-07-01T18:30'],
  ['2026-01-01 00:00', '2026-01-02 00:00', 'America/Lima', '2026-01-01T05:00', '2026-01-02T05:00'],
  // The clock is put back over the end: its first time counts; and forward over it.
  ['2026-10-24 00:00', '2026-10-25 02:30', 'Europe/Prague', '2026-10-23T22:00', '2026-10-25T00:30'],
  ['2027-03-27 00:00', '2027-03-28 02:30', 'Europe/Prague', '2027-03-26T23:00', '2027-03-28T01:30'],
])('a freeze from %s to %s in %s', (from, until, timezone, fromAt, untilAt) => {
  const instant = (text: string): number => Date.parse(`${text}:00Z`)
  expect(aFreeze(from, until, timezone)).toEqual([
    { from, until, timezone, fromAt: instant(fromAt), untilAt: instant(untilAt) },
  ])
})

test.each([
  ['{ nodeGroup: general, from: prod }', 'prod cannot take its releases from itself'],
  ['{ nodeGroup: general, from: stage }', 'there is no environment `stage`'],
  ['{ nodeGroup: general, approve: { role: releaser, people: 0 } }', '0'],
  [
    '{ nodeGroup: general, freeze: [ { from: "2026-11-27 00:00", until: "2026-11-30 08:00", timezone: Mars/North } ] }',
    'there is no time zone',
  ],
])('%s is refused: %s', (environment, words) => {
  expect(() => gatesIn(environment)).toThrow(words)
})
