/**
 * `npm run lockfile`: completes package-lock.json after `npm install`.
 *
 * npm leaves out of the lockfile what it could not fetch: binaries for other platforms that a
 * mirror does not hold. `npm ci` then refuses the whole lockfile, on every machine. Their versions
 * are known all the same, since the packages that want them pin them exactly; they are entered with
 * their platform, so that they are installed there and nowhere else.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optional?: boolean
}

interface Lockfile {
  packages: Record<string, LockedPackage>
}

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']
const processors = ['arm', 'arm64', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json')
const lockfile: Lockfile = JSON.parse(readFileSync(file, 'utf8'))
const added = complete(lockfile.packages)
if (added.length > 0) {
  const sorted = Object.entries(lockfile.packages).toSorted(([a], [b]) => (a < b ? -1 : 1))
  lockfile.packages = Object.fromEntries(sorted)
  writeFileSync(file, `${JSON.stringify(lockfile, null, 2)}\n`)
}
console.log(`package-lock.json: ${added.length} entries added`)

/** Adds an entry for each optional dependency of an exact version that has none. */
function complete(packages: Record<string, LockedPackage>): string[] {
  const names: string[] = []
  for (const [place, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const found = findPlace(packages, place, name)
      const isRange = !/^\d+\.\d+\.\d+/.test(version)
      if (found !== undefined && (isRange || packages[found]?.version === version)) continue
      if (isRange) throw new Error(`${place}: ${name} has no entry, and ${version} is a range`)
      const own = found === undefined ? `node_modules/${name}` : `${place}/node_modules/${name}`
      packages[own] = { version, ...(dev === true ? { dev } : {}), ...platformOf(name) }
      names.push(own)
    }
  }
  return names
}

/** Where Node.js would find a package from `place`: the nearest node_modules that has it. */
function findPlace(
  packages: Readonly<Record<string, LockedPackage>>,
  place: string,
  name: string,
): string | undefined {
  for (let from = place; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/')))) {
    const candidate = from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`
    if (candidate in packages) return candidate
    if (from === '') return undefined
  }
}

/** The platform that a package's name tells: `binding-linux-x64-musl`. */
function platformOf(name: string): LockedPackage {
  const words = name.split(/[-/]/)
  const cpu = processors.filter((word) => words.includes(word))
  const os = systems.filter((word) => words.includes(word))
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : []
  if (words.includes('gnu')) libc.push('glibc')
  return {
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(libc.length > 0 ? { libc } : {}),
    optional: true,
    ...(os.length > 0 ? { os } : {}),
  }
}
