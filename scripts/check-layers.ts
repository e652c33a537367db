import { dirname, join, normalize } from 'node:path'
import { report, sourceFiles } from './source-files.ts'
import { levelOf, mayImport } from './layers.ts'

/**
 * Who may import whom: the table of ARCHITECTURE.md, checked. Type-only imports count too, since a
 * type is a dependency on a decision. The message says what to do instead.
 */
const importPattern = /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)/g

const findings: string[] = []
const files = sourceFiles('src', 'console')
const imports = new Map<string, string[]>()

for (const { path, text } of files) {
  const targets: string[] = []
  for (const match of text.matchAll(importPattern)) {
    const target = match[1] ?? match[2] ?? ''
    if (!target.startsWith('.')) {
      if (target.startsWith('node:') && isPlan(path)) {
        findings.push(`${path}: a plan is pure and imports no ${target}; pass in what it needs`)
      }
      continue
    }
    const resolved = normalize(join(dirname(path), target)).replaceAll('\\', '/')
    targets.push(resolved)
    if (path.endsWith('.test.ts')) continue
    const fault = mayImport(path, resolved)
    if (fault !== undefined) findings.push(`${path} imports ${resolved}: ${fault}`)
  }
  imports.set(path, targets)
  if (isPlan(path) && /\bawait\b/.test(withoutComments(text))) {
    findings.push(`${path}: a plan decides and does not wait; move the await to the controller`)
  }
  if (path.startsWith('src/') && !path.endsWith('.test.ts') && levelOf(path) === undefined) {
    findings.push(`${path}: no level of ARCHITECTURE.md fits this file; see scripts/layers.ts`)
  }
}

findings.push(...cycles(imports))
report('layers', findings, files.length)

function isPlan(path: string): boolean {
  return /^src\/parts\/[^/]+\/plan[^/]*\.ts$/.test(path) && !path.endsWith('.test.ts')
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
}

/** Every cycle once, as the chain of files that it goes through. */
function cycles(graph: ReadonlyMap<string, string[]>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const chain: string[] = []
  const visit = (path: string): void => {
    if (done.has(path)) return
    const at = chain.indexOf(path)
    if (at >= 0) {
      found.push(`a cycle of imports: ${[...chain.slice(at), path].join(' -> ')}`)
      return
    }
    chain.push(path)
    for (const target of graph.get(path) ?? []) visit(target)
    chain.pop()
    done.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return found
}
