import { expect, test } from 'vitest'
import type { AppTrafficView } from '../../../src/wire/api.ts'
import { curveName, TrafficHistory } from './history.ts'

const at = { environment: 'prod', tenant: 'cz', app: 'shop' }

function anAnswer(requestsPerSecond: number, failedPerSecond = 0): AppTrafficView[] {
  const traffic = {
    requestsPerSecond,
    failedPerSecond,
    appErrorsPerSecond: 0,
    p50Ms: null,
    p99Ms: null,
    sentTotal: 0,
    failedTotal: 0,
  }
  return [{ at, traffic, services: [{ name: 'api', traffic }] }]
}

test('keeps a curve for all, for each app and for each service', () => {
  const history = new TrafficHistory()
  history.record(1_000, anAnswer(5))
  history.record(2_000, [...anAnswer(6, 1), { ...anAnswer(7)[0]!, at: { ...at, app: 'other' } }])
  expect(history.curve(curveName()).requests).toEqual([5, 13])
  expect(history.curve(curveName(at)).failed).toEqual([0, 1])
  expect(history.curve(curveName(at, 'api')).times).toEqual([1, 2])
})

test('keeps at most five minutes', () => {
  const history = new TrafficHistory()
  for (let second = 0; second < 400; second++) history.record(second * 1_000, anAnswer(second))
  const { times, requests, failed } = history.curve(curveName(at))
  expect([times.length, requests.length, failed.length]).toEqual([300, 300, 300])
  expect(times.at(-1)).toBe(399)
})

test('draws a pause as a gap and not as a line', () => {
  const history = new TrafficHistory()
  history.record(1_000, anAnswer(5))
  history.record(60_000, anAnswer(6))
  expect(history.curve(curveName(at)).requests).toEqual([5, null, 6])
})

test('forgets an app that is no more', () => {
  const history = new TrafficHistory()
  history.record(1_000, anAnswer(5))
  history.record(2_000, [])
  expect(history.curve(curveName(at)).times).toEqual([])
})

test('gives the same curve until the next answer', () => {
  const history = new TrafficHistory()
  history.record(1_000, anAnswer(5))
  expect(history.curve(curveName(at))).toBe(history.curve(curveName(at)))
})

test('of very many services only those have curves that somebody has looked at', () => {
  const history = new TrafficHistory()
  const [answer] = anAnswer(5)
  const services = Array.from({ length: 300 }, (_none, index) => ({
    name: `s-${index}`,
    traffic: answer!.traffic,
  }))
  history.record(1_000, [{ ...answer!, services }])
  expect(history.curve(curveName(at)).requests).toEqual([5])
  expect(history.curve(curveName(at, 's-7')).requests).toEqual([])
  history.record(2_000, [{ ...answer!, services }])
  expect(history.curve(curveName(at, 's-7')).requests).toEqual([5])
  expect(history.curve(curveName(at, 's-8')).requests).toEqual([])
})
