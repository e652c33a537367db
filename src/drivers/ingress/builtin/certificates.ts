import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import { messageOf, Refusal, systemCodeOf } from '../../../base/errors.ts'
import { limits } from './limits.ts'

/** A certificate of the folder, ready to be shown to clients. */
export interface Certificate {
  /** The file's name. */
  readonly file: string
  /** Hosts that it is for, in lower case; `*.example` stands for one label in front. */
  readonly names: readonly string[]
  /** Wall ms after which browsers refuse it. */
  readonly validTo: number
  /** Chain and key in PEM, for a server's default. */
  readonly pem: { readonly cert: string; readonly key: string }
  readonly context: SecureContext
}

/** What tells one state of a folder from another, without reading the files. */
export async function stampOf(folder: string): Promise<string> {
  const files = await filesOf(folder)
  const stamps = files.map(async (file) => {
    const { mtimeMs, size, ino } = await stat(join(folder, file))
    return `${file} ${mtimeMs} ${size} ${ino}`
  })
  return (await Promise.all(stamps)).join('\n')
}

/**
 * Reads a folder: `NAME.pem` with the chain and the key, or `NAME.crt` beside `NAME.key`; in the
 * order of their names. Refusals: `certificate-unreadable` when there is none or one cannot be
 * understood, `certificate-mismatch` when a key is another certificate's.
 */
export async function readCertificates(folder: string): Promise<Certificate[]> {
  const files = await filesOf(folder)
  const certificates: Certificate[] = []
  for (const file of files.filter((name) => /\.(?:pem|crt)$/.test(name))) {
    certificates.push(await readCertificate(folder, file, files))
  }
  if (certificates.length > 0) return certificates
  throw unreadable(folder, 'it holds no certificate', 'put NAME.pem (chain and key) into it')
}

async function filesOf(folder: string): Promise<string[]> {
  try {
    const all = await readdir(folder)
    const files = all.filter((name) => /^[^.].*\.(?:pem|crt|key)$/.test(name)).toSorted()
    if (files.length <= limits.certificateFilesMax) return files
    throw unreadable(folder, `it holds more than ${limits.certificateFilesMax} files`)
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw unreadable(folder, messageOf(error), 'name a folder that the ingress may read')
  }
}

async function readCertificate(
  folder: string,
  file: string,
  files: readonly string[],
): Promise<Certificate> {
  const path = join(folder, file)
  const text = await readPem(path)
  const keyFile = file.replace(/\.\w+$/, '.key')
  const withKey = files.includes(keyFile) ? await readPem(join(folder, keyFile)) : text
  const cert = blocksOf(text, /CERTIFICATE/).join('\n')
  const key = blocksOf(withKey, /PRIVATE KEY/)[0]
  if (cert === '') throw unreadable(path, 'it holds no certificate in PEM')
  if (key === undefined) {
    throw unreadable(
      path,
      'there is no key for it',
      `add the key to it, or put ${keyFile} beside it`,
    )
  }
  return understood(path, file, { cert, key })
}

function understood(path: string, file: string, pem: Certificate['pem']): Certificate {
  try {
    const leaf = new X509Certificate(pem.cert)
    if (!leaf.checkPrivateKey(createPrivateKey(pem.key))) {
      throw new Refusal('certificate-mismatch', `the key of ${path} is another certificate's`, {
        path,
        hint: 'put the key there that the certificate was requested with',
      })
    }
    const context = createSecureContext({ ...pem, minVersion: 'TLSv1.2' })
    return { file, names: namesOf(leaf), validTo: leaf.validToDate.getTime(), pem, context }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw unreadable(path, messageOf(error), 'keys must not be encrypted by a passphrase')
  }
}

function namesOf(leaf: X509Certificate): string[] {
  const names = [...(leaf.subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map(([, name]) => name)
  const common = /(?:^|\n)CN=([^\n]+)/.exec(leaf.subject)?.[1]
  return [...names, ...(names.length === 0 ? [common] : [])].flatMap((name) =>
    name === undefined ? [] : [name.toLowerCase()],
  )
}

async function readPem(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > limits.certificateBytesMax) throw unreadable(path, 'it is too large for one')
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw unreadable(path, systemCodeOf(error) ?? messageOf(error))
  }
}

function blocksOf(text: string, kind: RegExp): string[] {
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g) ?? []
  return blocks.filter((block) => kind.test(block.slice(0, block.indexOf('\n'))))
}

function unreadable(path: string, because: string, hint?: string): Refusal {
  const message = `the certificate at ${path} cannot be used: ${because}`
  return new Refusal('certificate-unreadable', message, { path, hint })
}
