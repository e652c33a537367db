/**
 * Builds what is shipped: one bundle per process, and the console.
 *
 * Each bundle holds only what its process needs (the agent carries no HTTP server): that is start
 * time and memory. Files are moved into dist/ one by one, chunks before the entries that name them,
 * and those of earlier builds stay for a day, so that an `up` that runs from dist/ meanwhile still
 * finds what it loads lazily.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as bundle, type OutputChunk } from 'rolldown'
import { sourceStamp } from './source-stamp.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const staging = join(dist, `.next-${process.pid}`)

/** Bundle name to its source; a source that does not exist yet is left out, and said. */
const entries: Record<string, string> = {
  roadstead: 'src/cli/main.ts',
  server: 'src/cli/roles/server.ts',
  agent: 'src/cli/roles/agent.ts',
  ingress: 'src/cli/roles/ingress.ts',
  journeys: 'src/cli/roles/journeys.ts',
  builder: 'src/cli/roles/builder.ts',
  'sqlite-worker': 'src/store/sqlite/sqlite-worker.ts',
  'manifest-worker': 'src/drivers/manifests/manifest-worker.ts',
}

/**
 * Left in node_modules: one serves files beside its own source, one loads a native addon, and one
 * drives browsers, which only the runner of journeys asks for.
 */
const external = ['@fastify/swagger-ui', '@lydell/node-pty', 'playwright-core']

/** Files of earlier builds are removed after this time, in ms. */
const staleAfterMs = 24 * 60 * 60 * 1_000

try {
  await buildBundles()
  await buildConsole()
  await removeStale()
} finally {
  await rm(staging, { recursive: true, force: true })
}

async function buildBundles(): Promise<void> {
  const startedAt = performance.now()
  const present = Object.entries(entries).filter(([, source]) => existsSync(join(root, source)))
  const absent = Object.keys(entries).filter((name) => !present.some(([other]) => other === name))
  const { output } = await bundle({
    cwd: root,
    input: Object.fromEntries(present),
    platform: 'node',
    external,
    logLevel: 'warn',
    // Dependencies written for CommonJS ask for Node.js's own modules by require().
    output: {
      dir: staging,
      format: 'esm',
      sourcemap: false,
      minify: { compress: true, mangle: false, codegen: true },
      chunkFileNames: 'chunk-[name]-[hash].js',
      entryFileNames: '[name].js',
    },
  })
  const chunks = output.filter((file): file is OutputChunk => file.type === 'chunk')
  await publish(chunks.filter((chunk) => !chunk.isEntry).map((chunk) => chunk.fileName))
  await publish(chunks.filter((chunk) => chunk.isEntry).map((chunk) => chunk.fileName))
  report('bundles', present.map(([name]) => name).join(', '), startedAt)
  if (absent.length > 0) console.log(`  not built, source missing: ${absent.join(', ')}`)
}

async function publish(fileNames: readonly string[]): Promise<void> {
  for (const fileName of fileNames) {
    await mkdir(dirname(join(dist, fileName)), { recursive: true })
    await rename(join(staging, fileName), join(dist, fileName))
  }
}

/** Builds console/ with vite into dist/console, unless nothing that it is made of has changed. */
async function buildConsole(): Promise<void> {
  const startedAt = performance.now()
  if (!existsSync(join(root, 'console', 'index.html'))) {
    console.log('  console: not built, console/index.html is missing')
    return
  }
  const stamp = sourceStamp(root, ['console', 'src/wire', 'package-lock.json'])
  const stampFile = join(dist, '.console-stamp')
  const isCurrent = existsSync(stampFile) && (await readFile(stampFile, 'utf8')) === stamp
  if (isCurrent && existsSync(join(dist, 'console', 'index.html'))) return
  const { build } = await import('vite')
  const target = join(staging, 'console')
  await build({
    root: join(root, 'console'),
    logLevel: 'warn',
    build: { outDir: target, emptyOutDir: true },
  })
  const files = (await filesUnder(target)).map((file) => relative(staging, file))
  await publish(files.filter((file) => !file.endsWith('.html')))
  await publish(files.filter((file) => file.endsWith('.html')))
  await writeFile(stampFile, stamp)
  report('console', `${files.length} files`, startedAt)
}

/** Removes chunks that no build has written for a day; names with a hash would pile up. */
async function removeStale(): Promise<void> {
  for (const file of await filesUnder(dist)) {
    const { mtimeMs } = await stat(file)
    const isChunk = /chunk-|assets/.test(relative(dist, file))
    if (isChunk && Date.now() - mtimeMs > staleAfterMs) await rm(file, { force: true })
  }
}

async function filesUnder(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true })
  return found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
}

function report(what: string, detail: string, startedAt: number): void {
  console.log(`  ${what}: ${detail} (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`)
}
