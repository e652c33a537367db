import { test } from 'vitest'
import { crashMatrix, everyStateIsARow } from './crash-matrix.ts'

// oxlint-disable-next-line vitest/expect-expect -- it expects
test('every state of the table is a row of the matrix, or says why it is none', everyStateIsARow)

crashMatrix('builtin', ['server', 'agent', 'ingress', 'predecessor', 'successor'])
