import { report, sourceFiles, type SourceFile } from './source-files.ts'

/** The rules of STYLE.md that a machine can hold: sizes, banned words, time and chance. */

const fileLinesMax = 500
const testLinesMax = 800
const functionLinesMax = 70
/** The formatter wraps code at 100; a comment or a string may pass that by a word. */
const lineLengthMax = 110

/** Time and chance come in through base/; a simulator could not own them otherwise. */
const bannedInSource: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\(|\bnew Date\(\)/, 'take a Clock (base/clock.ts)'],
  [/\bperformance\.now\(/, 'take a Clock (base/clock.ts)'],
  [/\b(setTimeout|setInterval|setImmediate)\(/, 'use Clock.sleep or Clock.after'],
  [/\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/, 'take a Random (base/random.ts)'],
  [/\bshell: true\b|\bexecSync\(|[^.\w]exec\(/, 'no shell: spawn with an array of arguments'],
  [/\bFIXME\b/, 'mend it before it lands'],
]

/** A sentence for people stays on its line: it is found by searching for its words. */
const sentencePattern = /(['"`]).{50,}\1|https?:\/\/|<path /
const sentenceLineMax = 240

const bannedNames = /(^|[/-])(utils?|helpers?|common|misc|managers?)([/.-]|$)/

const findings: string[] = []
const files = sourceFiles('src', 'sim', 'scripts', 'test', 'bench', 'console')
for (const file of files) {
  checkName(file)
  checkSizes(file)
  checkWords(file)
}
report('style', findings, files.length)

function checkName({ path }: SourceFile): void {
  const name = path.split('/').at(-1) ?? ''
  if (!/^[a-z0-9.-]+\.(ts|tsx)$/.test(name)) findings.push(`${path}: file names are kebab-case`)
  if (bannedNames.test(path)) findings.push(`${path}: name it after a noun of the glossary`)
}

function checkSizes({ path, text }: SourceFile): void {
  const lines = text.split('\n')
  const isTest = /\.test\.tsx?$|^test\//.test(path)
  const most = isTest ? testLinesMax : fileLinesMax
  if (lines.length > most)
    findings.push(`${path}: ${lines.length} lines, at most ${most}: split it`)
  lines.forEach((line, index) => {
    if (line.length > (sentencePattern.test(line) ? sentenceLineMax : lineLengthMax)) {
      findings.push(`${path}:${index + 1}: ${line.length} characters, at most ${lineLengthMax}`)
    }
  })
  if (!isTest) checkFunctions(path, lines)
}

/** A function runs from the line that opens it to the line that closes it at the same indent. */
function checkFunctions(path: string, lines: readonly string[]): void {
  const opening =
    /^(\s*)(export )?(async )?(function\*? \w+|(static |override |async |\*|#|get |set )*\w+\(.*\).*\{$)/
  lines.forEach((line, start) => {
    const match = opening.exec(line)
    if (match === null || /^\s*(if|for|while|switch|return|catch)\b/.test(line)) return
    const indent = match[1] ?? ''
    const length = lines.slice(start + 1).findIndex((other) => isEndOf(other, indent)) + 2
    if (length > functionLinesMax) {
      findings.push(`${path}:${start + 1}: a function of ${length} lines, at most 70: split it`)
    }
  })
}

/** `}` at the same indent, with what may follow it in an object, a call or a class. */
function isEndOf(line: string, indent: string): boolean {
  return line.startsWith(`${indent}}`) && /^[,;)]*$/.test(line.slice(indent.length + 1))
}

function checkWords({ path, text }: SourceFile): void {
  if (/\bTODO\b(?!.*#\d)/.test(text)) findings.push(`${path}: a TODO names its issue (#12)`)
  if (!path.startsWith('src/') || path.startsWith('src/base/') || path.endsWith('.test.ts')) return
  text.split('\n').forEach((line, index) => {
    if (/^\s*(\*|\/\/|\/\*)/.test(line)) return
    for (const [pattern, remedy] of bannedInSource) {
      if (pattern.test(line)) findings.push(`${path}:${index + 1}: ${line.trim()}: ${remedy}`)
    }
  })
}
