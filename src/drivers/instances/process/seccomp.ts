import { judgedCalls, refusedCalls } from './seccomp-calls.ts'

/**
 * Makes the filter of `seccomp-calls.ts`: a program of the kernel's classic packet filter, eight bytes
 * an instruction, as bubblewrap takes it. It reads the machine's kind and the call's number, then
 * compares one after the other; the kernel remembers which numbers are always allowed, so the length
 * does not count. No program at hand makes one: libseccomp has a library alone, and none for Node is
 * kept.
 */

/** Machines whose numbers are known. */
type Machine = 'x64' | 'arm64'

/** What the kernel calls them: AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64. */
const kinds: Readonly<Record<Machine, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 }

/** Numbers from here on are those of x32, another set of calls of the same machine. */
const x32From = 0x4000_0000

/** Instructions: what they do, and the operand's place. */
const load = 0x20
const jumpIfEqual = 0x15
const jumpIfAtLeast = 0x35
const jumpIfAnyBit = 0x45
const answer = 0x06

/** Where things lie in what the filter sees of a call: number, machine, the low half of an argument. */
const places = { number: 0, kind: 4, first: 16, second: 24 } as const

/** What a filter may answer. */
const answers = {
  allow: 0x7fff_0000,
  EPERM: 0x0005_0001,
  ENOSYS: 0x0005_0026,
  EAFNOSUPPORT: 0x0005_0061,
  /** The whole process ends by SIGSYS: a program of another machine, whose calls mean other things. */
  kill: 0x8000_0000,
} as const

/**
 * Starts bubblewrap with a filter: it reads it from descriptor 9. What it starts is under it from its
 * first instruction on, and so is all that this starts.
 */
export function underFilter(filter: string, bwrap: readonly string[]): string[] {
  const [file = '', ...args] = bwrap
  return ['/bin/sh', '-c', 'exec 9<"$0" "$@"', filter, file, '--seccomp', '9', ...args]
}

interface Instruction {
  readonly does: number
  readonly operand: number
  /** Instructions that are passed over: where it holds, and where it does not. */
  readonly skipThen?: number
  readonly skipElse?: number
}

/** The filter for programs of a machine; undefined: its numbers are not known here. */
export function seccompFilter(machine: string): Buffer | undefined {
  if (machine !== 'x64' && machine !== 'arm64') return undefined
  return Buffer.concat(programFor(machine).map(encoded))
}

function programFor(machine: Machine): Instruction[] {
  const refused = refusedCalls.flatMap((call) => {
    const number = call[machine]
    return number === null ? [] : answerTo(number, give(call.answer))
  })
  return [
    { does: load, operand: places.kind },
    { does: jumpIfEqual, operand: kinds[machine], skipThen: 1 },
    ...give('kill'),
    { does: load, operand: places.number },
    ...(machine === 'x64' ? otherwise(jumpIfAtLeast, x32From, 'ENOSYS') : []),
    ...refused,
    ...answerTo(judgedCalls.clone[machine], [
      { does: load, operand: places.first },
      ...otherwise(jumpIfAnyBit, judgedCalls.clone.flags, 'EPERM'),
      ...give('allow'),
    ]),
    ...answerTo(judgedCalls.ioctl[machine], [
      { does: load, operand: places.second },
      ...judgedCalls.ioctl.requests.flatMap((one) => otherwise(jumpIfEqual, one, 'EPERM')),
      ...give('allow'),
    ]),
    ...answerTo(judgedCalls.socket[machine], [
      { does: load, operand: places.first },
      ...judgedCalls.socket.families.flatMap((one) => otherwise(jumpIfEqual, one, 'allow')),
      ...give('EAFNOSUPPORT'),
    ]),
    ...give('allow'),
  ]
}

/** `then`, where the call has this number; otherwise it goes on behind it. */
function answerTo(number: number, then: readonly Instruction[]): Instruction[] {
  return [{ does: jumpIfEqual, operand: number, skipElse: then.length }, ...then]
}

/** Answers where it holds; otherwise it goes on. */
function otherwise(test: number, operand: number, what: keyof typeof answers): Instruction[] {
  return [{ does: test, operand, skipElse: 1 }, ...give(what)]
}

function give(what: keyof typeof answers): Instruction[] {
  return [{ does: answer, operand: answers[what] }]
}

function encoded({ does, operand, skipThen = 0, skipElse = 0 }: Instruction): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(does, 0)
  bytes.writeUInt8(skipThen, 2)
  bytes.writeUInt8(skipElse, 3)
  bytes.writeUInt32LE(operand, 4)
  return bytes
}
