import { expect, test } from 'vitest'
import { sourceFiles } from '../../scripts/source-files.ts'

/**
 * Rule 13: the engine's regular expressions go back and forth, so that a short pattern of a user's
 * could hold the loop for ever. None is compiled from what a user wrote; where one is made from a
 * text of our own, its file stands here, with whose text it is.
 */
const ourOwn: Readonly<Record<string, string>> = {
  'src/compose/convert/mounts.ts': 'the pattern of a mount in the manifest',
  'src/drivers/backups/backup-maker.ts': 'the name of a folder of ours',
  'src/parts/apps/manifest/condition.ts': 'the shape of a condition',
  'src/parts/apps/manifest/delta.ts': "patterns of the manifest's schema",
  'src/parts/apps/manifest/text.ts': 'characters that nobody sees',
  'src/parts/apps/manifest/units.ts': 'the patterns of quantities',
  'src/wire/log-level.ts': 'the names of levels',
}

const compiles = /\bnew RegExp\(|[^.\w]RegExp\(/

test('no regular expression is compiled from what a user wrote', () => {
  const found = sourceFiles('src')
    .filter(({ path, text }) => !path.endsWith('.test.ts') && compiles.test(text))
    .map(({ path }) => path)
  expect(found.filter((path) => ourOwn[path] === undefined)).toEqual([])
})

test('no text of a user is searched for by a pattern', () => {
  // `match`, `search` and `replaceAll` compile a string that they are given as a pattern.
  const dynamic = /\.(?:match|matchAll|search)\((?![/\s]|[a-zA-Z]*[pP]attern|\)|search|hidden|\{)/
  const found = sourceFiles('src')
    .filter(({ path }) => !path.endsWith('.test.ts'))
    .flatMap(({ path, text }) =>
      text.split('\n').flatMap((line) => (dynamic.test(line) ? [`${path}: ${line.trim()}`] : [])),
    )
  expect(found).toEqual([])
})
