import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { digestOf } from '../base/digest.ts'
import { Fault, messageOf, systemCodeOf } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import { create, remove, type Entry, type State, type Write } from '../store/port.ts'
import type { Role, Token } from '../parts/access/model.ts'
import { tokenByHash, tokenKind } from '../parts/access/records.ts'

/** The roles that get a token at the first start: a person, and the two other roles of `up`. */
const firstRoles = ['operator', 'agent', 'ingress'] as const satisfies readonly Role[]

/** 256 bits of chance behind a prefix that scanners for leaked secrets can look for. */
const tokenBytes = 32
const tokenPattern = /^rst_[A-Za-z0-9_-]{43}$/

export interface TokenOptions {
  readonly state: State
  /** `<data>/tokens`: one file per role, which only its owner can read. */
  readonly directory: string
  readonly clock: Clock
  readonly random: Random
}

/**
 * Makes the tokens of the first start: their files for people and roles, their hashes for the
 * store. A file without its record is adopted, so that a new store goes on with the old tokens;
 * a record without its file is replaced, since nobody can know that token any more.
 */
export async function ensureTokens(options: TokenOptions): Promise<void> {
  try {
    await mkdir(options.directory, { recursive: true, mode: 0o700 })
    for (const role of firstRoles) await ensureToken(role, options)
  } catch (cause) {
    if (systemCodeOf(cause) === undefined) throw cause
    const message = `the tokens in ${options.directory} cannot be kept: ${messageOf(cause)}`
    throw new Fault('tokens-failed', message, { cause, retry: 'never' })
  }
}

async function ensureToken(
  role: (typeof firstRoles)[number],
  options: TokenOptions,
): Promise<void> {
  const { state, directory, clock, random } = options
  const file = join(directory, role)
  const known = await readToken(file)
  const value = known ?? `rst_${Buffer.from(random.bytes(tokenBytes)).toString('base64url')}`
  const hash = digestOf(value)
  if (known !== undefined && tokenByHash(state.snapshot, hash) !== undefined) return
  // The file first: a record without it would lock everybody out until the next start.
  if (known === undefined) await writeToken(file, value)
  const token: Token = {
    id: newId('tok', random),
    name: role,
    role,
    hash,
    createdAt: clock.now(),
  }
  const why = known === undefined ? `a new token for the ${role}` : `the ${role}'s token is adopted`
  await state.commit({
    writes: [create(tokenKind, token), ...outdated(state, role)],
    attribution: { who: 'server', what: 'token.create', why },
  })
}

function outdated(state: State, role: Role): Write[] {
  const same: Entry<Token>[] = []
  for (const entry of state.snapshot.list(tokenKind)) {
    if (entry.value.role === role && entry.value.name === role) same.push(entry)
  }
  return same.map((entry) => remove(entry))
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    const content = (await readFile(file, 'utf8')).trim()
    return tokenPattern.test(content) ? content : undefined
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Written aside and renamed, so that nobody ever reads a part of it. */
async function writeToken(file: string, value: string): Promise<void> {
  const handle = await open(`${file}.new`, 'w', 0o600)
  try {
    await handle.chmod(0o600)
    await handle.writeFile(`${value}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
}
