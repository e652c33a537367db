/** Certificates for tests, made by openssl: short-lived, of a curve, signed by themselves. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { Answer, CallOptions } from './ingress-bed.ts'

export interface Pem {
  readonly cert: string
  readonly key: string
}

/** A certificate for these hosts; `days` may be negative, for one that has expired. */
export function aCertificate(hosts: readonly string[], days = 2): Pem {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-cert-'))
  try {
    const at = (name: string): string => join(folder, name)
    const openssl = (...how: string[]): void =>
      void execFileSync('openssl', how, { stdio: 'ignore' })
    const names = hosts.map((host) => `DNS:${host}`).join(',')
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const subject = ['-subj', `/CN=${hosts[0]}`, '-addext', `subjectAltName=${names}`]
    openssl('req', '-new', ...curve, ...subject, '-keyout', at('key'), '-out', at('csr'))
    const signed = ['-signkey', at('key'), '-days', String(days), '-copy_extensions', 'copy']
    openssl('x509', '-req', '-in', at('csr'), ...signed, '-out', at('cert'))
    const read = (name: string): string => readFileSync(at(name), 'utf8')
    return { cert: read('cert'), key: read('key') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A folder as `--certificates` names it. */
export class CertificateFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'roadstead-certs-'))

  /** Puts a file there as a careful tool does: it appears whole. */
  put(name: string, text: string): void {
    const next = join(this.path, `.${name}`)
    writeFileSync(next, text)
    renameSync(next, join(this.path, name))
  }

  putPem(name: string, { cert, key }: Pem): void {
    this.put(`${name}.pem`, cert + key)
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** The hosts of the certificate that the ingress showed, beside its answer. */
export interface SecureAnswer extends Answer {
  readonly shown: string
}

/** Makes one request by HTTPS in HTTP/1.1, whoever signed the certificate; never rejects. */
export function callSecurely(port: number, options: CallOptions = {}): Promise<SecureAnswer> {
  return new Promise((resolve) => {
    const none = (): void => resolve({ status: 0, headers: {}, text: '', piecesAt: [], shown: '' })
    const host = options.host ?? 'shop.localhost'
    const req = request({
      host: '127.0.0.1',
      port,
      servername: host,
      rejectUnauthorized: false,
      agent: false,
      method: options.method ?? 'GET',
      path: options.path ?? '/',
      headers: { host, ...options.headers },
    })
    req.on('error', none)
    req.on('response', (res) => {
      const shown = (res.socket as TLSSocket).getPeerCertificate().subjectaltname ?? ''
      const chunks: Buffer[] = []
      res.on('error', none)
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, piecesAt: [], shown })
      })
    })
    req.end(options.body)
  })
}
