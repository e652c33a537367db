import { describe, expect, test } from 'vitest'
import { splitCommand } from './command.ts'

describe('a command line', () => {
  const lines: readonly (readonly [string, readonly string[]])[] = [
    ['node server.js', ['node', 'server.js']],
    ['  node \t server.js ', ['node', 'server.js']],
    [`sh -c 'echo "$PORT" | cat'`, ['sh', '-c', 'echo "$PORT" | cat']],
    [`node -e "console.log('a b')"`, ['node', '-e', "console.log('a b')"]],
    [`node --title=a' 'b ''`, ['node', '--title=a b', '']],
    [String.raw`node C:\dir\x.js`, ['node', String.raw`C:\dir\x.js`]],
    [`grep '&&' file`, ['grep', '&&', 'file']],
    ['java -Dkey=value -jar app.jar', ['java', '-Dkey=value', '-jar', 'app.jar']],
    ['find . -name *.js', ['find', '.', '-name', '*.js']],
  ]
  test.each(lines)('%j is split at spaces, and quotes hold together', (line, args) => {
    expect(splitCommand(line)).toEqual({ ok: true, args })
  })

  test.each([
    'a && b',
    'a | b',
    'a; b',
    'a > log',
    'a &',
    'serve $PORT',
    'serve ${PORT}',
    'serve `port`',
    'NODE_ENV=production node a.js',
    'node "a.js',
    "node 'a.js",
    '',
    '   ',
    '""',
  ])('%j is refused, with a hint: only a shell would do what it seems to', (line) => {
    const split = splitCommand(line)
    expect(split.ok ? split.args : split.hint).toMatch(/^[a-z]/)
    expect(split.ok).toBe(false)
  })
})
