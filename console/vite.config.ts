import { gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin, type Rolldown } from 'vite'

/** What a first visit may load before it shows anything, compressed (design: dependencies.md). */
const firstLoadBytesMax = 250_000

/** Where `npm run dev` finds the API. */
const server = process.env['ROADSTEAD_URL'] ?? 'http://127.0.0.1:7070'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), firstLoadBudget()],
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    target: 'es2023',
    // No data: URLs and no inline script: the server's content security policy allows neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/v1': server, '/docs': server } },
})

/** Prints what each file weighs compressed, and fails the build when the first load is too heavy. */
function firstLoadBudget(): Plugin {
  return {
    name: 'first-load-budget',
    apply: 'build',
    writeBundle(_options, bundle) {
      const first = firstLoadOf(bundle)
      const rows = Object.values(bundle)
        .filter((file) => /\.(js|css|html)$/.test(file.fileName))
        .map((file) => ({
          name: file.fileName,
          bytes: gzipSync(file.type === 'chunk' ? file.code : file.source).byteLength,
          first: first.has(file.fileName),
        }))
        .toSorted((a, b) => Number(b.first) - Number(a.first) || b.bytes - a.bytes)
      for (const { name, bytes, first: isFirst } of rows) {
        this.info(
          `${kilobytes(bytes).padStart(9)}  ${isFirst ? 'first load' : 'later     '}  ${name}`,
        )
      }
      const total = rows.reduce((sum, row) => sum + (row.first ? row.bytes : 0), 0)
      this.info(
        `${kilobytes(total).padStart(9)}  first load in all (budget ${kilobytes(firstLoadBytesMax)})`,
      )
      if (total > firstLoadBytesMax) this.error('the first load is over its budget')
    },
  }
}

/** The entry, all that it imports statically, and their style sheets. */
function firstLoadOf(bundle: Rolldown.OutputBundle): ReadonlySet<string> {
  const found = new Set<string>(['index.html'])
  const visit = (name: string): void => {
    const file = bundle[name]
    if (file === undefined || found.has(name)) return
    found.add(name)
    if (file.type !== 'chunk') return
    for (const imported of file.imports) visit(imported)
    for (const css of file.viteMetadata?.importedCss ?? []) found.add(css)
  }
  for (const file of Object.values(bundle)) {
    if (file.type === 'chunk' && file.isEntry) visit(file.fileName)
  }
  return found
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`
}
