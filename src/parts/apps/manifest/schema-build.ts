import Type, { type Static } from 'typebox'
import { block, bounds, cores, duration, named, relativePath, size, text } from './schema.ts'

/** What an image is built from. */

const { Optional } = Type

export const Build = block(
  {
    context: Optional(relativePath('The folder that is sent; honours .dockerignore.')),
    dockerfile: Optional(relativePath('The Dockerfile, within that folder.')),
    target: Optional(text('The stage that becomes the image.', 'the name of a stage')),
    args: Optional(
      named(
        Type.Union([Type.String({ maxLength: bounds.text }), Type.Number(), Type.Boolean()], {
          'x-expects': 'a text',
        }),
        'What ARG lines of the Dockerfile are given; everybody who pulls the image can read it.',
        { pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$', keys: 'an argument such as NODE_VERSION' },
      ),
    ),
    memory: Optional(size('Memory of each of its steps.', { least: '16MiB', most: '4TiB' })),
    cpu: Optional(cores('Cores that are set aside for it.')),
    timeout: Optional(
      duration('A build that takes longer has failed.', { least: '10s', most: '6h' }),
    ),
  },
  'What an image is built from.',
)
export type Build = Static<typeof Build>
