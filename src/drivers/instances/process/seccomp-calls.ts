/**
 * Calls of the kernel that an isolated process is refused, and why: what containers and desktop
 * sandboxes refuse by default (Docker's default profile, flatpak's `setup_seccomp`, systemd's
 * `SystemCallFilter` groups), as far as it applies to a program without privileges. Everything else is
 * allowed: a filter that names what is allowed breaks programs with every new kernel.
 *
 * `x64` and `arm64` are the calls' numbers there; null: there is no such call.
 */
export interface RefusedCall {
  readonly name: string
  readonly x64: number | null
  readonly arm64: number | null
  /** What the caller is told. `ENOSYS` where programs then do it in another way. */
  readonly answer: 'EPERM' | 'ENOSYS'
}

/** Numbers are the same on all machines from 424 on. */
type Row = readonly [name: string, x64: number | null, arm64?: number | null]

function because(answer: RefusedCall['answer'], rows: readonly Row[]): RefusedCall[] {
  return rows.map(([name, x64, arm64 = x64]) => ({ name, x64, arm64, answer }))
}

/** Its view of the machine is made once, by us. */
const views: readonly Row[] = [
  ['mount', 165, 40],
  ['umount2', 166, 39],
  ['pivot_root', 155, 41],
  ['chroot', 161, 51],
  ['open_tree', 428],
  ['move_mount', 429],
  ['fsopen', 430],
  ['fsconfig', 431],
  ['fsmount', 432],
  ['fspick', 433],
  ['mount_setattr', 442],
]

/** A user namespace opens parts of the kernel that only root saw before: most of its holes were there. */
const namespaces: readonly Row[] = [
  ['unshare', 272, 97],
  ['setns', 308, 268],
]

/** Keyrings are not in namespaces: keys of others might be found. */
const keys: readonly Row[] = [
  ['add_key', 248, 217],
  ['request_key', 249, 218],
  ['keyctl', 250, 219],
]

/** Looking into other processes, and writing there; a filter can be led round by it. */
const others: readonly Row[] = [
  ['ptrace', 101, 117],
  ['process_vm_readv', 310, 270],
  ['process_vm_writev', 311, 271],
  ['kcmp', 312, 272],
  ['pidfd_getfd', 438],
]

/** Programs that run in the kernel, or watch it: long a source of holes, and none of an app's business. */
const insideTheKernel: readonly Row[] = [
  ['bpf', 321, 280],
  ['perf_event_open', 298, 241],
  ['userfaultfd', 323, 282],
  ['fanotify_init', 300, 262],
  ['lookup_dcookie', 212, 18],
  ['syslog', 103, 116],
]

/** The machine itself: modules, another kernel, its clock, swap, accounts, name. */
const machine: readonly Row[] = [
  ['init_module', 175, 105],
  ['finit_module', 313, 273],
  ['delete_module', 176, 106],
  ['kexec_load', 246, 104],
  ['kexec_file_load', 320, 294],
  ['reboot', 169, 142],
  ['swapon', 167, 224],
  ['swapoff', 168, 225],
  ['acct', 163, 89],
  ['quotactl', 179, 60],
  ['quotactl_fd', 443],
  ['settimeofday', 164, 170],
  ['clock_settime', 227, 112],
  ['clock_adjtime', 305, 266],
  ['sethostname', 170, 161],
  ['setdomainname', 171, 162],
  ['vhangup', 153, 58],
  ['ioperm', 173, null],
  ['iopl', 172, null],
]

/** Opens files by numbers, past every folder that is not shown. */
const pastTheView: readonly Row[] = [['open_by_handle_at', 304, 265]]

/** Where memory lies, of other processes too: the machine's business. */
const placement: readonly Row[] = [
  ['mbind', 237, 235],
  ['set_mempolicy', 238, 237],
  ['migrate_pages', 256, 238],
  ['move_pages', 279, 239],
]

/** Of another age, and hardly tested any more. */
const old: readonly Row[] = [
  ['uselib', 134, null],
  ['ustat', 136, null],
  ['sysfs', 139, null],
  ['modify_ldt', 154, null],
  ['_sysctl', 156, null],
  ['create_module', 174, null],
  ['get_kernel_syms', 177, null],
  ['query_module', 178, null],
  ['nfsservctl', 180, 42],
]

/** Requests by shared memory, which no filter sees; who finds it missing makes the calls instead. */
const unseen: readonly Row[] = [
  ['io_uring_setup', 425],
  ['io_uring_enter', 426],
  ['io_uring_register', 427],
]

/** Its flags lie in memory, which a filter cannot read; libraries then take `clone`, whose it can. */
const flagsInMemory: readonly Row[] = [['clone3', 435]]

export const refusedCalls: readonly RefusedCall[] = [
  ...because('EPERM', [...views, ...namespaces, ...keys, ...others, ...insideTheKernel]),
  ...because('EPERM', [...machine, ...pastTheView, ...placement, ...old]),
  ...because('ENOSYS', [...unseen, ...flagsInMemory]),
]

/** Calls that are refused by their arguments. */
export const judgedCalls = {
  /** With one of the flags that make namespaces, as `unshare`. */
  clone: { x64: 56, arm64: 220, flags: 0x7e02_0000 },
  /** Writing into a terminal as if somebody typed it (TIOCSTI), or pasting there (TIOCLINUX). */
  ioctl: { x64: 16, arm64: 29, requests: [0x5412, 0x541c] },
  /** Families of sockets beyond unix, inet, inet6 and netlink: rare, old, or past the network's walls. */
  socket: { x64: 41, arm64: 198, families: [1, 2, 10, 16] },
} as const
