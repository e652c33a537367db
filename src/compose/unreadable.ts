import type { FaultList, Spot } from '../parts/apps/manifest/faults.ts'

/** Why a file that is named cannot be had, in words. */

const unreadable = {
  missing: ['is not there', 'make it, or take the line out'],
  outside: [
    'lies outside of the folder of the compose file, and nothing there is read',
    'copy it into the folder, or run the import on a compose file further up',
  ],
  unreadable: ['cannot be read', 'it has to be a file that you may read'],
  'too-large': ['is larger than 1 MiB', 'is it the right file?'],
} as const

/** Says why a file that is named cannot be had. */
export function addUnreadable(
  faults: FaultList,
  spot: Spot,
  path: string,
  problem: keyof typeof unreadable,
): void {
  const [what, hint] = unreadable[problem]
  const code = problem === 'outside' ? 'bad-path' : 'file-unreadable'
  faults.add(code, spot, `${path} ${what}`, hint)
}
