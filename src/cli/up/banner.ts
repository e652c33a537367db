import { relative } from 'node:path'
import { styleText } from 'node:util'
import { toned } from '../terminal/output.ts'
import type { Addresses } from './addresses.ts'

/** What the banner tells. */
export interface Banner {
  readonly addresses: Addresses
  readonly dataFolder: string
  /** The operator's token; undefined when it could not be read. */
  readonly token: string | undefined
  /** Whether the sample shop is online. */
  readonly hasShop: boolean
}

/** The addresses, aligned, with what each is for. */
export function bannerLines({ addresses, dataFolder, token, hasShop }: Banner): string[] {
  const server = `http://127.0.0.1:${addresses.serverPort}`
  const ingress = `http://127.0.0.1:${addresses.ingressPort}`
  const folder = shortPath(dataFolder)
  const login = token === undefined ? '' : `#token=${encodeURIComponent(token)}`
  const rows: [name: string, address: string, remark: string][] = [
    ['console', `${server}/${login}`, 'this link logs you in'],
    ['API docs', `${server}/docs`, ''],
    hasShop
      ? ['shop', ingress, `or http://shop.localhost:${addresses.ingressPort}`]
      : ['apps', ingress, 'roadstead deploy brings the first one'],
    ['private', `http://127.0.0.1:${addresses.privatePort}`, 'routes that are expose: private'],
    ['admin', `http://127.0.0.1:${addresses.adminPort}`, 'routes that are expose: admin'],
    ['token', `${folder}/tokens/operator`, 'for the console and --token-file'],
    ['logs', `${folder}/logs/`, ''],
  ]
  const lines = rows.map(([name, address, remark]) => {
    const tail = remark === '' ? '' : `   ${toned(remark, 'quiet')}`
    return `  ${styleText('bold', name.padEnd(9))} ${address}${tail}`
  })
  return ['', ...lines, '', `  ${toned('Ctrl-C ends all of it.', 'quiet')}`, '']
}

/** Seen from the current folder where that is shorter, as people type it. */
function shortPath(path: string): string {
  const near = relative(process.cwd(), path)
  return near.length < path.length && near !== '' ? near : path
}
