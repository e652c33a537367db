import { Command } from 'commander'
import { expect, test } from 'vitest'
import { edgeSettingsOf, withEdgeOptions, type EdgeOptions } from './ingress-options.ts'

function settingsOf(...words: string[]) {
  const command = withEdgeOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr() {} })
  command.parse(words, { from: 'user' })
  return edgeSettingsOf(command.opts<EdgeOptions>())
}

test('without options only the public address is open, to anybody', () => {
  const { publicAddress, ...others } = settingsOf()
  expect(publicAddress).toEqual({ host: '127.0.0.1', port: 8_080 })
  expect(Object.values(others).every((value) => value === undefined)).toBe(true)
})

test('each option is what it says', () => {
  const tls = ['--tls-listen', '[::]:443', '--certificates', '/c', '--no-redirect', '--hsts', '60']
  const shield = ['--rate-limit', '200/s', '--connections-per-client', '9', '--body-limit', '1MiB']
  const deny = ['--deny', '10.0.0.0/8', '::1']
  const inner = ['--private-listen', '10.0.0.5:80', '--admin-listen', '8082']
  expect(settingsOf(...tls, ...shield, ...inner, ...deny)).toMatchObject({
    tls: {
      address: { host: '::', port: 443 },
      certificates: '/c',
      redirect: false,
      hstsSeconds: 60,
    },
    shield: {
      requestsPerSecond: 200,
      connectionsPerClient: 9,
      bodyBytesMax: 2 ** 20,
      deny: ['10.0.0.0/8', '::1'],
    },
    privateAddress: { host: '10.0.0.5', port: 80 },
    adminAddress: { host: '127.0.0.1', port: 8_082 },
  })
})

test.each([
  [['--rate-limit', '200']],
  [['--rate-limit', '0/s']],
  [['--connections-per-client', '0']],
  [['--hsts', '1y']],
  [['--body-limit', '5MB']],
  [['--tls-listen', 'nowhere']],
])('%j is refused', (words) => {
  expect(() => settingsOf(...words)).toThrow(/It must be/)
})

test('TLS without certificates, or without an address, is refused', () => {
  expect(() => settingsOf('--tls-listen', '443')).toThrow(/--certificates/)
  expect(() => settingsOf('--certificates', '/c')).toThrow(/--tls-listen/)
})
