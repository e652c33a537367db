import { plural } from '../words/numbers.ts'
import { commandLine, type Action } from './action.ts'
import { actionRoutes } from './routes.ts'

/** What operators can do to the platform: its tokens and its file. */

export interface TokenWish {
  readonly name: string
  readonly role: 'operator' | 'developer' | 'viewer'
  readonly may: readonly string[]
  /** `sha256:` of the token; the token itself stays in the browser. */
  readonly hash: string
}

export function createTokenAction({ name, role, may, hash }: TokenWish): Action {
  const besides = may.length === 0 ? '' : `, and answers to ${may.join(', ')}`
  return {
    route: actionRoutes.createToken,
    params: {},
    body: { name, role, may, hash },
    verb: 'Create',
    title: `A token for ${name}?`,
    says: [
      `Whoever holds it comes as ${name}, ${role}${besides}.`,
      'It is shown once, here; the server learns its sha256 only.',
    ],
    command: commandLine(
      'roadstead',
      'tokens',
      'create',
      name,
      '--role',
      role,
      ...may.flatMap((own) => ['--may', own]),
    ),
    done: `${name} has a token.`,
  }
}

export function revokeTokenAction(name: string): Action {
  return {
    route: actionRoutes.revokeToken,
    params: { name },
    verb: 'Revoke',
    title: `Revoke the token of ${name}?`,
    says: ['Nobody comes with it any more; sessions that were opened with it end within 5 s.'],
    command: commandLine('roadstead', 'tokens', 'revoke', name),
    done: `The token of ${name} is revoked.`,
    isGrave: true,
    typed: name,
  }
}

export function applyPlatformAction(text: string, added: number, removed: number): Action {
  return {
    route: actionRoutes.applyPlatform,
    params: {},
    body: { text },
    verb: 'Apply',
    title: 'Put this platform.yaml in force?',
    says: [
      `${plural(added, 'line comes', 'lines come')}, ${plural(removed, 'line goes', 'lines go')}.`,
      'From now on every deploy is held against it: its cells, its rules and its gates.',
    ],
    command: 'roadstead platform apply platform.yaml',
    done: 'The platform.yaml is in force.',
    isGrave: true,
  }
}
