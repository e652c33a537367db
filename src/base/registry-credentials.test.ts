import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { credentialsFrom } from './registry-credentials.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roadstead-credentials-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function fileWith(content: string): Promise<string> {
  const file = join(folder, 'config.json')
  await writeFile(file, content)
  return file
}

test('the credentials of a registry are found by its host, and of no other', async () => {
  const auth = Buffer.from('alice:pass:word').toString('base64')
  const config = { auths: { 'registry.example:5000': { auth }, other: { auth: '' } } }
  const of = credentialsFrom(await fileWith(JSON.stringify(config)))
  const found = await of('registry.example:5000')
  expect([found?.user, found?.password.reveal()]).toEqual(['alice', 'pass:word'])
  expect(await of('registry.example')).toBeUndefined()
  expect(await of('other')).toBeUndefined()
  expect(await of('__proto__')).toBeUndefined()
})

test("Docker Hub's stand under the name that docker login gives them", async () => {
  const auths = { 'https://index.docker.io/v1/': { username: 'bob', password: 'secret' } }
  const of = credentialsFrom(await fileWith(JSON.stringify({ auths })))
  expect((await of('docker.io'))?.user).toBe('bob')
})

test('a file that cannot be used is refused without a word of what is in it', async () => {
  const canary = 'canary-secret'
  const broken = [`{"auths": "${canary}`, `["${canary}"]`, `{"auths":{"r":{"auth":"${canary}"}}}`]
  for (const content of broken) {
    const refusal = await credentialsFrom(await fileWith(content))('r').catch((error) => error)
    expect(refusal).toMatchObject({ code: 'registry-config-invalid' })
    expect(`${refusal.message} ${refusal.hint}`).not.toContain(canary)
  }
  const missing = credentialsFrom(join(folder, 'none.json'))('r')
  await expect(missing).rejects.toThrow('ENOENT')
})
