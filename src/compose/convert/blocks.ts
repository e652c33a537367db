import { childOf, entriesOf, type Place } from '../../parts/apps/manifest/tree.ts'
import type { Project } from '../project.ts'
import type { Report } from '../report.ts'
import { isTrue, textIn } from '../values.ts'

/** What stands beside the services: networks, volumes, secrets, configs, and words of old. */

export function tellBlocks(project: Project, used: ReadonlySet<string>, report: Report): void {
  const { root, blocks } = project
  for (const [key, { key: place }] of entriesOf(root)) {
    if (key === 'version') report.add('dropped', key, place, 'it means nothing any more')
    else if (key.startsWith('x-')) {
      report.add('dropped', key, place, 'it is only for what refers to it')
    }
  }
  for (const [name, { key, value }] of blocks.networks) {
    const isOutside = isTrue(childOf(value, 'external'))
    const path = `networks.${name}`
    if (isOutside) {
      const said = 'containers of other apps are not reached'
      report.add('open', path, key, said, 'give them routes, and name those in `env`')
    } else {
      const apart = blocks.networks.size > 1 ? ', and nothing keeps them apart' : ''
      report.add('changed', path, key, `all services of the app share one network${apart}`)
    }
    if (isTrue(childOf(value, 'internal'))) {
      const said = 'containers reach other machines: no network of the app is internal'
      report.add('open', path, key, said, 'keep what must not get out from them')
    }
  }
  for (const [name, { key, value }] of blocks.volumes) tellVolume(name, key, value, used, report)
  for (const [name, { key }] of blocks.secrets) {
    const said = 'secrets are not held yet; see the services that use it'
    report.add('dropped', `secrets.${name}`, key, said)
  }
  for (const [name, { key }] of blocks.configs) {
    report.add('carried', `configs.${name}`, key, 'see the services that use it')
  }
  for (const [name, { key }] of blocks.models) {
    report.add('dropped', `models.${name}`, key, 'models are not run here')
  }
}

function tellVolume(
  name: string,
  place: Place,
  value: Parameters<typeof childOf>[0],
  used: ReadonlySet<string>,
  report: Report,
): void {
  const path = `volumes.${name}`
  const driver = textIn(childOf(value, 'driver'))
  if (!used.has(name)) {
    report.add('dropped', path, place, 'no service of the manifest keeps it')
  } else if (isTrue(childOf(value, 'external'))) {
    const said = 'a volume that is there already is not taken over: this one is new'
    report.add('open', path, place, said, 'copy the data in with `roadstead exec`')
  } else if (driver !== undefined && driver !== 'local') {
    const said = `its driver ${driver} is not used: the data lie on one node`
    report.add('open', path, place, said, 'keep such data in a service of its own')
  } else if (childOf(value, 'driver_opts') !== undefined) {
    const said = 'its options are not carried: the data lie on one node'
    report.add('open', path, place, said, 'keep such data in a service of its own')
  } else report.add('carried', path, place, 'see the service that keeps it')
}
