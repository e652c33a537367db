import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import type { IsolationChoice } from '../../src/drivers/instances/process/isolation.ts'
import type { ProcessDriver } from '../../src/drivers/instances/process/process-driver.ts'
import { judgedCalls, refusedCalls } from '../../src/drivers/instances/process/seccomp-calls.ts'
import { outputStart, type Exit, type Launch } from '../../src/parts/instances/driver.ts'
import { canIsolate, canLimit } from '../fixtures/isolation.ts'
import { processDriverIn } from '../fixtures/process-driver.ts'

const mib = 1024 * 1024
const id = 'i-held'

describe.skipIf(!canIsolate() || !canLimit())('processes under limits', () => {
  let root = ''
  let driver: ProcessDriver
  let exits: Exit[] = []

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'roadstead-isolation-'))
    await mkdir(join(root, 'artifact'))
    driver = await open('auto')
  })

  afterEach(async () => {
    await driver.end(id)
    await driver.discard(id)
    await driver.close()
    await rm(root, { recursive: true, force: true })
  })

  async function open(isolation: IsolationChoice): Promise<ProcessDriver> {
    exits = []
    const opened = processDriverIn(root, isolation)
    await opened.adopt()
    opened.onExit((_id, _run, exit) => exits.push(exit))
    return opened
  }

  function launch(command: readonly string[], more: Partial<Launch> = {}): Launch {
    return {
      instanceId: id,
      run: 1,
      command,
      directory: join(root, 'artifact'),
      env: { ROADSTEAD_INSTANCE: id },
      listen: null,
      limits: { cpu: 0.2, memoryBytes: 64 * mib, diskBytes: 0 },
      limitsRequired: true,
      ...more,
    }
  }

  /** Runs a line of shell to its end and gives back what it printed. */
  async function printed(line: string, more: Partial<Launch> = {}): Promise<string> {
    await driver.start(launch(['sh', '-c', `{ ${line}; } 2>&1; echo over`], more))
    let text = ''
    await until(async () => {
      const chunk = await driver.readOutput(id, 'stdout', outputStart, mib)
      text = Buffer.from(chunk?.bytes ?? []).toString()
      return text.endsWith('over\n')
    })
    return text.slice(0, -'over\n'.length)
  }

  test('a memory hog is ended at its limit, and that is told', async () => {
    const hog = 'const all = []; setInterval(() => all.push(Buffer.alloc(4 << 20, 1)), 5)'
    await driver.start(launch(['node', '-e', hog]))
    await until(() => exits.length > 0)
    expect(exits).toMatchObject([{ signal: 'SIGKILL', memoryLimit: 64 * mib }])
  })

  test('what ends by itself beside no limit is told as it ended', async () => {
    await driver.start(launch(['sh', '-c', 'exit 3']))
    await until(() => exits.length > 0)
    expect(exits).toEqual([{ code: 3, signal: null, at: expect.any(Number) }])
  })

  test('a cpu hog is held back where its limits are required, and that is counted', async () => {
    await driver.start(launch(['sh', '-c', 'while :; do :; done']))
    await until(() => (driver.throttled(id)?.periods ?? 0) > 2)
    expect(driver.throttled(id)?.ms).toBeGreaterThan(0)
  })

  test('elsewhere its share of the cores is no ceiling', async () => {
    await driver.start(launch(['sh', '-c', 'while :; do :; done'], { limitsRequired: false }))
    await systemClock.sleep(500)
    expect(driver.throttled(id)?.periods).toBe(0)
  })

  test('a fork bomb ends at its number of processes, and goes as a whole', async () => {
    const limits = { cpu: 1, memoryBytes: 512 * mib, diskBytes: 0 }
    const bomb = ['sh', '-c', 'b() { b | b & }; b; sleep 60']
    const { pid } = await driver.start(launch(bomb, { limits }))
    const [group = ''] = groupsOf(pid).filter((path) => path.includes('/pids/'))
    const file = (name: string): string => readFileSync(join(group, name), 'latin1')
    await until(() => /max [1-9]/.test(file('pids.events')))
    expect(Number(file('pids.current'))).toBeLessThanOrEqual(512)
    await driver.end(id)
    expect(membersOf(group)).toEqual([])
  })

  test('it sees its own processes alone', async () => {
    const seen = await printed('ls -d /proc/[0-9]*')
    const pids = seen.split('\n').filter((line) => /^\/proc\/\d+$/.test(line))
    expect(pids.length).toBeLessThan(6)
    expect(pids).toContain('/proc/1')
    expect(pids).not.toContain(`/proc/${process.pid}`)
  })

  test('it may write to its home and its temporary files, and to nothing of the machine', async () => {
    const line = [
      'for f in /usr /etc / /opt . /sys /proc/sys/kernel/hostname',
      'do (: >"$f/x" || : >"$f") 2>/dev/null && echo "wrote to $f"; done',
      'echo kept >"$HOME/x"; cat "$HOME/x"; echo kept >"$TMPDIR/x"; cat /tmp/x',
    ].join('; ')
    expect(await printed(line)).toBe('kept\nkept\n')
    const home = join(root, 'instances', id, 'home')
    expect(await readFile(join(home, 'x'), 'utf8')).toBe('kept\n')
  })

  test('files of a release are seen where they are mounted, read-only, and nothing beside', async () => {
    const folder = join(root, 'mounted')
    await mkdir(join(folder, 'config'), { recursive: true })
    await writeFile(join(folder, 'config/a.yaml'), 'a: 1\n')
    await writeFile(join(folder, 'config/beside'), 'x')
    await writeFile(join(folder, 'pages'), 'pages\n')
    const mounts = [
      { path: '/config/a.yaml', source: join(folder, 'config/a.yaml') },
      { path: '/srv/deep/pages', source: join(folder, 'pages') },
    ]
    const line = 'cat /config/a.yaml /srv/deep/pages; ls /config; echo x >/config/a.yaml'
    const seen = await printed(line, { mounts })
    expect(seen).toMatch(/^a: 1\npages\na\.yaml\n.*read-only/i)
  })

  test('without isolation nothing can be mounted, and that is said', async () => {
    await driver.close()
    driver = await open('off')
    const mounts = [{ path: '/config/a.yaml', source: join(root, 'a.yaml') }]
    const start = driver.start(launch(['true'], { mounts, limitsRequired: false }))
    await expect(start).rejects.toMatchObject({ code: 'mounts-unavailable', retry: 'never' })
  })

  test('it finds nothing of the agent: no data, no token, no other instance', async () => {
    const secret = join(root, 'state.db')
    await writeFile(secret, 'everything', { mode: 0o644 })
    const other = join(root, 'instances', 'i-other')
    await mkdir(join(other, 'home'), { recursive: true })
    const line = `cat ${secret}; ls ${root}/instances; cat ${root}/instances/${id}/*; cat /etc/shadow`
    const seen = await printed(line)
    expect(seen).toContain('state.db: No such file')
    expect(seen).toContain(`${id}\n`)
    expect(seen).not.toContain('i-other')
    expect(seen).toMatch(/shadow: (?:Permission denied|No such file)/)
    expect(seen).not.toContain('memoryBytes')
    await rm(other, { recursive: true })
  })

  test('it is a user of its own that has a name and gains nothing', async () => {
    const seen = await printed(
      'id -u; id -un; grep -E "NoNewPrivs|CapBnd|CapEff" /proc/self/status',
    )
    const [uid, name, ...rights] = seen.trim().split('\n')
    expect(rights).toContain('NoNewPrivs:\t1')
    expect(rights).toContain('CapEff:\t0000000000000000')
    if (process.getuid?.() !== 0) return
    expect(Number(uid)).toBeGreaterThanOrEqual(1_879_048_192)
    expect(name).toBe('instance')
    expect(rights).toContain('CapBnd:\t0000000000000000')
  })

  test('calls that no app needs are refused, and its programs run', async () => {
    const calls = tried.map(([args]) => `syscall(${args.join(', ')}); print "$!\\n"`)
    const jit = 'console.log(new Function("a", "return a * 2")(21))'
    const worker = 'new (require("node:worker_threads").Worker)("console.log(7)", { eval: true })'
    const spawned = 'require("node:child_process").execSync("echo child", { stdio: "inherit" })'
    const line = [
      'unshare -U true; grep Seccomp: /proc/self/status',
      `perl -e '${calls.join('; ')}'`,
      `node -e '${jit}; ${spawned}; ${worker}'`,
    ].join('; ')
    const limits = { cpu: 1, memoryBytes: 256 * mib, diskBytes: 0 }
    const [unshared, filter, ...rest] = (await printed(line, { limits })).trim().split('\n')
    expect(unshared).toContain('Operation not permitted')
    expect(filter).toBe('Seccomp:\t2')
    expect(rest).toEqual([...tried.map(([, told]) => told), '42', 'child', '7'])
  })

  test('what it tells the loader is told to its own program alone, never to those on the way', async () => {
    const traces = join(root, 'artifact', 'trace')
    const env = { ROADSTEAD_INSTANCE: id, LD_DEBUG: 'files', LD_DEBUG_OUTPUT: traces }
    const { pid } = await driver.start(launch(['sleep', '60'], { env }))
    const exec = await driver.startExec(id, ['true'], null)
    exec.output.resume()
    await exec.exited
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toContain('LD_DEBUG=files')
    expect(readdirSync(join(root, 'artifact'))).toEqual([])
  })

  test('a command beside it is in the same namespaces, groups and user', async () => {
    const { pid } = await driver.start(launch(['sleep', '60']))
    const exec = await driver.startExec(id, ['sh', '-c', 'ls -d /proc/[0-9]*; id -u; pwd'], null)
    let seen = ''
    for await (const piece of exec.output) seen += Buffer.from(piece.bytes).toString()
    expect(seen).toContain('/proc/2\n')
    expect(seen).not.toContain(`/proc/${process.pid}\n`)
    expect(seen).toContain(join(root, 'artifact'))
    const long = await driver.startExec(id, ['sleep', '60'], null)
    const [group = ''] = groupsOf(pid).filter((path) => path.includes('/pids/'))
    await until(
      () => commandsIn(group).filter((command) => /^\S+\/sleep 60$/.test(command)).length === 2,
    )
    await driver.end(id)
    expect(await long.exited).not.toEqual({ code: 0, signal: null })
  })

  test('what left its group and its session ends with it', async () => {
    const line = 'for n in 1 2 3; do setsid env -i sleep 1234.5 & done; sleep 60'
    await driver.start(launch(['sh', '-c', line]))
    await until(() => strays().length === 3)
    await driver.end(id)
    expect(strays()).toEqual([])
  })

  test('its groups go with it, and those of others stay', async () => {
    const { pid } = await driver.start(launch(['sleep', '60']))
    const own = groupsOf(pid)
    expect(own.length).toBeGreaterThan(0)
    const foreign = own.map((path) =>
      join(dirname(dirname(path)), `roadstead-other-${process.pid}`),
    )
    for (const path of foreign) await mkdir(path)
    try {
      await driver.end(id)
      await driver.discard(id)
      await driver.close()
      expect(own.filter((path) => existsSync(path))).toEqual([])
      expect(foreign.filter((path) => !existsSync(path))).toEqual([])
    } finally {
      for (const path of foreign) await rmdir(path)
    }
  })

  test('the next driver knows what an instance is held by, and that the kernel ended it', async () => {
    const line = `sleep 1; exec node -e 'const all = []; for (;;) all.push(Buffer.alloc(4 << 20, 1))'`
    const { pid } = await driver.start(launch(['sh', '-c', line]))
    await driver.close()
    await until(() => !existsSync(`/proc/${pid}`))
    await systemClock.sleep(300)
    const next = processDriverIn(root, 'auto')
    driver = next
    const [adopted] = await next.adopt()
    expect(adopted?.process).toMatchObject({ is: 'ended', exit: { memoryLimit: 64 * mib } })
  })

  test('switched off, it is a plain child, and says so', async () => {
    await driver.close()
    driver = await open('off')
    expect(driver.offers()).toEqual(['process'])
    const refused = driver.start(launch(['sleep', '60']))
    await expect(refused).rejects.toMatchObject({ code: 'limits-unenforced' })
    const started = await driver.start(launch(['sleep', '60'], { limitsRequired: false }))
    expect(started.remark).toContain('not enforced')
    expect(driver.throttled(id)).toBe(undefined)
  })
})

const number = (name: string): string =>
  String(
    refusedCalls.find((call) => call.name === name)?.[process.arch === 'x64' ? 'x64' : 'arm64'],
  )

const judged = (name: keyof typeof judgedCalls): string =>
  String(judgedCalls[name][process.arch === 'x64' ? 'x64' : 'arm64'])

/** Calls as a program makes them, and what each is told. */
const tried: readonly (readonly [args: readonly string[], told: string])[] = [
  [[number('mount'), '0', '0', '0', '0', '0'], 'Operation not permitted'],
  [[number('keyctl'), '0', '0', '0', '0', '0'], 'Operation not permitted'],
  [[number('ptrace'), '0', '0', '0', '0'], 'Operation not permitted'],
  [[number('bpf'), '0', '0', '0'], 'Operation not permitted'],
  [[number('io_uring_setup'), '1', '0'], 'Function not implemented'],
  [[number('clone3'), '0', '0'], 'Function not implemented'],
  [[judged('clone'), String(0x1000_0000), '0', '0', '0', '0'], 'Operation not permitted'],
  [[judged('ioctl'), '0', String(0x5412), '0'], 'Operation not permitted'],
  [[judged('socket'), '38', '5', '0'], 'Address family not supported by protocol'],
  // What is no terminal is told so by the kernel: the filter let it through.
  [[judged('ioctl'), '0', String(0x5413), '0'], 'Inappropriate ioctl for device'],
]

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
    if (await condition()) return
    await systemClock.sleep(20)
  }
  throw new Error('waited 30 s in vain')
}

/** The folders of the control groups of ours that a process is in. */
function groupsOf(pid: number): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  return readFileSync(`/proc/${pid}/cgroup`, 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, names = '', path = ''] = line.split(':')
      if (!path.includes('/roadstead-')) return []
      const isOf = (mount: string): boolean =>
        names === '' ? mount.includes(' - cgroup2 ') : mount.includes(`- cgroup cgroup rw,${names}`)
      const point = mounts.find(isOf)?.split(' ')[4]
      return point === undefined ? [] : [join(point, path)]
    })
}

function membersOf(group: string): string[] {
  if (!existsSync(group)) return []
  return readFileSync(join(group, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean)
}

function commandsIn(group: string): string[] {
  return membersOf(group).map((pid) => commandOf(pid))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}

function strays(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => commandOf(pid) === 'sleep 1234.5')
}
