import { spawn } from 'node:child_process'
import { get } from 'node:http'
import { connect } from 'node:net'
import type { Clock } from '../../../base/clock.ts'
import { messageOf } from '../../../base/errors.ts'
import type { ProbeAnswer } from '../../../parts/instances/driver.ts'

/** Where an instance listens. */
export interface Target {
  readonly host: string
  readonly port: number
}

/** A GET on a connection of its own: 200 to 399 is well, and it is read to its end. */
export function probeHttp(
  clock: Clock,
  target: Target,
  path: string,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  return within(clock, timeoutMs, `GET ${path}`, (answer) => {
    const headers = { 'user-agent': 'roadstead-agent' }
    const request = get({ ...target, path, agent: false, headers })
    request.on('error', (error) => answer(false, `GET ${path} failed: ${error.message}`))
    request.on('response', (response) => {
      const status = response.statusCode ?? 0
      response.resume()
      response.on('error', (error) => answer(false, `GET ${path} broke off: ${error.message}`))
      response.on('end', () =>
        answer(status >= 200 && status < 400, `GET ${path} answered ${status}`),
      )
    })
    return () => request.destroy()
  })
}

/** A connection that is accepted is well; it is closed at once. */
export function probeTcp(clock: Clock, target: Target, timeoutMs: number): Promise<ProbeAnswer> {
  return within(clock, timeoutMs, `port ${target.port}`, (answer) => {
    const socket = connect(target)
    socket.on('error', (error) => answer(false, `port ${target.port}: ${error.message}`))
    socket.on('connect', () => {
      socket.destroy()
      answer(true, `port ${target.port} accepts connections`)
    })
    return () => socket.destroy()
  })
}

/** A command of the instance's own: exit code 0 is well; its whole group ends with the time-out. */
export function probeExec(
  clock: Clock,
  command: { readonly name: string; readonly argv: readonly string[] },
  surroundings: { readonly cwd: string; readonly env: Record<string, string> },
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const { name } = command
  const [file = '', ...args] = command.argv
  return within(clock, timeoutMs, `\`${name}\``, (answer) => {
    const child = spawn(file, args, { ...surroundings, stdio: 'ignore', detached: true })
    child.on('error', (error) => answer(false, `\`${name}\` failed: ${error.message}`))
    child.on('exit', (code, killedBy) =>
      answer(code === 0, `\`${name}\` exited with ${code ?? killedBy}`),
    )
    return () => endGroup(child.pid)
  })
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

type Answer = (ok: boolean, because: string) => void

/** Gives the first answer; when none comes in time it says so, and breaks off what `ask` began. */
function within(
  clock: Clock,
  timeoutMs: number,
  what: string,
  ask: (answer: Answer) => () => void,
): Promise<ProbeAnswer> {
  return new Promise<ProbeAnswer>((resolve) => {
    let breakOff = (): void => {}
    const timer = clock.after(timeoutMs, () => {
      resolve({ ok: false, because: `${what}: no answer within ${timeoutMs} ms` })
      breakOff()
    })
    const answer: Answer = (ok, because) => {
      timer.cancel()
      resolve({ ok, because })
    }
    try {
      breakOff = ask(answer)
    } catch (error) {
      // A path that no request can carry, an address that is none.
      answer(false, `${what}: ${messageOf(error)}`)
    }
  })
}
