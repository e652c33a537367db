import { spawn } from '@lydell/node-pty'
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { appKind, releaseKind } from '../../src/parts/apps/records.ts'
import { instanceKind } from '../../src/parts/instances/records.ts'
import { create } from '../../src/store/port.ts'
import { anApp, aPending, aRelease } from '../fixtures/records.ts'
import { aRunningServer, type TestServer } from '../fixtures/running-server.ts'

/**
 * Completion as a person meets it: a real shell at a real terminal has loaded the script, somebody
 * types and presses Tab, and what then stands in the line is looked at.
 */

const cli = join(import.meta.dirname, '../../src/cli/main.ts')

/** How each shell is started bare, and told about the script. */
const shells = {
  bash: {
    parameters: ['--norc', '--noprofile', '-i'],
    load: (script: string) => `PS1='> '; bind 'set bell-style none'; source ${script}`,
  },
  zsh: {
    parameters: ['-f', '-i'],
    load: (script: string) =>
      `PS1='> '; unsetopt beep prompt_sp; autoload -Uz compinit; compinit -u -D; source ${script}`,
  },
} as const

/** What is typed before Tab, and what then stands there. */
const lines: readonly (readonly [typed: string, completed: string])[] = [
  ['roadstead depl', 'roadstead deploy '],
  ['roadstead rollouts can', 'roadstead rollouts cancel '],
  ['roadstead nodes gi', 'roadstead nodes give-up '],
  ['roadstead deploy --supe', 'roadstead deploy --supersede '],
  ['roadstead deploy --cell local/default --supe', '--supersede '],
  ['roadstead agent --zo', 'roadstead agent --zone '],
  ['roadstead status sho', 'roadstead status shop '],
  ['roadstead scale w', 'roadstead scale web '],
  ['roadstead scale shop/w', 'roadstead scale shop/web '],
  ['roadstead why i-7', 'roadstead why i-7k3m9q2x '],
  ['roadstead run re', 'roadstead run reindex '],
  ['roadstead status --cell loc', 'roadstead status --cell local/default '],
  ['roadstead deploy -f roads', 'roadstead deploy -f roadstead.yaml '],
  ['roadstead completion z', 'roadstead completion zsh '],
]

/** Runs the same table in one of the shells. */
export function describeCompletion(shell: keyof typeof shells): void {
  let folder: string
  let server: TestServer

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roadstead-completion-'))
    server = await aRunningServer()
    await seed(server)
    mkdirSync(join(folder, 'bin'))
    const program = join(folder, 'bin/roadstead')
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`)
    chmodSync(program, 0o755)
    writeFileSync(join(folder, 'roadstead.yaml'), '')
    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'completion', shell])
    writeFileSync(join(folder, 'script'), stdout)
  })
  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  describe(`in ${shell}, Tab completes`, () => {
    test.each(lines)('"%s"', async (typed, completed) => {
      const screen = await screenAfter(typed, server.url, (text) => text.includes(completed))
      expect(screen).toContain(completed)
    })

    test('nothing, and says nothing, where no server answers', async () => {
      const typed = 'roadstead status sho'
      const screen = await screenAfter(typed, 'http://127.0.0.1:1', () => false, 3_000)
      expect(screen.split('> ').at(-1)?.trim()).toBe(typed)
    })
  })

  /** What stands on the terminal once somebody has typed that and pressed Tab. */
  async function screenAfter(
    typed: string,
    url: string,
    isDone: (text: string) => boolean,
    waitMs = 15_000,
  ): Promise<string> {
    const { parameters, load } = shells[shell]
    const terminal = spawn(shell, [...parameters], {
      cwd: folder,
      cols: 120,
      env: {
        PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
        HOME: folder,
        TERM: 'dumb',
        ROADSTEAD_SERVER: url,
        ROADSTEAD_TOKEN: server.tokens.operator,
      },
    })
    let text = ''
    const until = async (condition: () => boolean, ms: number): Promise<void> => {
      const giveUpAt = systemClock.monotonic() + ms
      while (!condition() && systemClock.monotonic() < giveUpAt) await systemClock.sleep(20)
    }
    terminal.onData((data) => (text += data))
    try {
      terminal.write(`${load(join(folder, 'script'))}; echo ready-$((40 + 2))\r`)
      await until(() => text.includes('ready-42'), 10_000)
      await until(() => plain(text).endsWith('> '), 2_000)
      text = '> '
      terminal.write(`${typed}\t`)
      await until(() => isDone(plain(text)), waitMs)
      return plain(text)
    } finally {
      terminal.kill('SIGKILL')
    }
  }
}

/** Without what moves the cursor and colours the line. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- terminals are told by them
  return text.replaceAll(/\x1b\[[0-9;?]*[a-zA-Z]|\x07|\r/g, '')
}

async function seed({ state }: TestServer): Promise<void> {
  const job = {
    name: 'reindex',
    run: ['node', 'job.js'],
    service: 'web',
    schedule: null,
    timeoutMs: 60_000,
    retries: 0,
    overlap: 'skip',
    lateAfterMs: null,
  }
  await state.commit({
    writes: [
      create(appKind, anApp()),
      create(releaseKind, aRelease({ jobs: [job as never] })),
      create(instanceKind, aPending({ id: 'i-7k3m9q2x' })),
    ],
    attribution: { who: 'test', what: 'test.write', why: 'a test' },
  })
}
