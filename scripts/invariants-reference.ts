import type { Catch } from '../sim/mutants/catch.ts'
import type { Mutant } from '../sim/mutants/mutation.ts'
import type { Checker } from '../sim/view.ts'

/** The page of invariants: what is promised, who watches it, and which wrong product is caught. */

/** An invariant that is not a checker of the simulator, and what keeps it. */
const keptElsewhere: readonly (readonly [string, string, string])[] = [
  [
    'D1',
    'The same seed gives the same hash over every event.',
    '`test/simulation/simulation.test.ts`',
  ],
  [
    'D3',
    'One node more never makes a job unplaceable that was placeable.',
    '`src/parts/scheduling/plan.property.test.ts`',
  ],
  [
    'D4',
    'Other names for the same nodes leave all counts unchanged.',
    '`src/parts/scheduling/plan.property.test.ts`',
  ],
]

const opening = `# Invariants

What Roadstead promises whatever happens, as the simulator checks it: \`npm run sim -- --seeds 1..2000\`
plays the production server, agents and ingress in worlds full of faults, and tells every checker of
every event. Each checker is proven by mutants: wrong versions of the product that it must catch
(\`npm run sim -- --mutants\`). Safety (S) is judged after each event; liveness (L) and the model
checks (D) at the end of a world that was left alone.

This page is generated: \`node scripts/generate-invariants-reference.ts\`.

| invariant | promise | checker | caught mutants, with the first seed |
|---|---|---|---|
`

/** Renders docs/reference/invariants.md; `fileOf` finds the file of a checker. */
export function renderInvariants(parts: {
  readonly checkers: readonly Checker[]
  readonly mutants: readonly Mutant[]
  readonly catches: readonly Catch[]
  readonly fileOf: (checker: Checker) => string
}): string {
  const { checkers, mutants, catches, fileOf } = parts
  const rows = checkers.map((checker) => {
    const { invariant, promise } = checker
    const caught = catches.filter(({ caughtBy }) => caughtBy === invariant)
    const list = caught.map(({ mutant, seed }) => `\`${mutant}\` (${seed})`).join(', ')
    return `| ${invariant} | ${promise} | \`${fileOf(checker)}\` | ${list || 'none yet'} |`
  })
  const elsewhere = keptElsewhere.map(
    ([invariant, promise, where]) => `| ${invariant} | ${promise} | ${where} | - |`,
  )
  return `${opening}${[...rows, ...elsewhere].join('\n')}\n\n${mutantsTable(mutants, catches)}`
}

function mutantsTable(mutants: readonly Mutant[], catches: readonly Catch[]): string {
  const rows = mutants.map(({ name, breaks, caughtBy, survives }) => {
    const found = catches.find(({ mutant }) => mutant === name)
    const by = found?.caughtBy ?? `nobody: ${survives ?? 'not understood yet'}`
    const seed = found?.seed ?? '-'
    return `| \`${name}\` | ${breaks} | ${caughtBy.join(', ')} | ${by} | ${seed} | ${found?.seedsTried ?? 0} |`
  })
  const heading =
    '| mutant | what it does | breaks | caught by | seed | seeds tried |\n|---|---|---|---|---|---|'
  return `## Mutants\n\n${heading}\n${rows.join('\n')}\n`
}
