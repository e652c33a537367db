import { access } from 'node:fs/promises'
import { Fault } from '../../../base/errors.ts'
import type { LaunchVolume } from '../../../parts/instances/driver.ts'

/** It was made once, and is not here: an empty one in its place would hide that. */
export function volumeLost({ id, name, service }: LaunchVolume): Fault {
  const message = `the data of volume ${name} of ${service} (${id}) is not on this node any more`
  return new Fault('volume-lost', message)
}

export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
