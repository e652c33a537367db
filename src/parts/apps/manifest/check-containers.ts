import { isAtFault, spotAt, type CellView, type FilledService } from './cell-view.ts'

/** What containers are asked for beyond the usual: ports, volumes, capabilities, a shared network. */
export function checkContainers(view: CellView): void {
  for (const [name, service] of view.services) {
    checkPort(view, name, service)
    checkVolumes(view, name, service)
    checkMounts(view, name, service)
    checkUser(view, name, service)
    checkProcess(view, name, service)
    if (view.isShared) checkShared(view, name, service)
  }
}

/** `/data/` and `/data` are one place. */
export function tidyMount(path: string): string {
  return path.replace(/\/$/, '')
}

function checkPort(view: CellView, name: string, service: FilledService): void {
  if (service.port === undefined || service.worker !== true) return
  const message = `\`${name}\` is a worker, without a port, and asks for one`
  view.faults.add(
    'port-refused',
    spotAt(view, 'services', name, 'port'),
    message,
    'delete port, or worker',
  )
}

/** An image that has to be root names nobody; a manifest takes no user of an image's own away. */
function checkUser(view: CellView, name: string, { user = '' }: FilledService): void {
  if (!/^(?:0+|root)(?::|$)/.test(String(user))) return
  const message = `\`${name}\` cannot be made root: it runs as the user that its image names`
  const hint = 'delete user; an image that has to be root says so itself, and asks for capabilities'
  view.faults.add('container-refused', spotAt(view, 'services', name, 'user'), message, hint)
}

/** What the kernel and the platform themselves put into a container. */
const takenPlaces = ['/proc', '/sys', '/dev', '/tmp']

function checkVolumes(view: CellView, name: string, service: FilledService): void {
  const { volumes = {}, singleton } = service
  const places = Object.entries(volumes).map(([volume, path]) => [volume, tidyMount(path)] as const)
  if (places.length === 0) return
  if (singleton !== true && !isAtFault(view, name, 'singleton')) {
    const message = `\`${name}\` keeps a volume, which one instance at a time may write to`
    const hint = `add singleton: true to \`${name}\`: the old one then stops before the new one starts`
    view.faults.add('volume-refused', spotAt(view, 'services', name, 'volumes'), message, hint)
  }
  for (const [index, [volume, path]] of places.entries()) {
    const spot = spotAt(view, 'services', name, 'volumes', volume)
    const taken = takenPlaces.find((place) => isWithin(path, place))
    if (taken !== undefined) {
      const message = `the volume \`${volume}\` cannot be at ${path}: ${taken} is the platform's`
      view.faults.add('volume-refused', spot, message, 'choose another path')
    }
    const [other, otherPath] =
      places.slice(0, index).find(([, one]) => isWithin(path, one) || isWithin(one, path)) ?? []
    if (other === undefined) continue
    const message = `the volumes \`${other}\` and \`${volume}\` lie in one another (${otherPath}, ${path})`
    view.faults.add('volume-refused', spot, message, 'give each a path of its own')
  }
}

/** Where a process sees the machine's own, or what is its own already. */
const placesOfProcesses =
  '/etc /usr /bin /sbin /lib /lib32 /lib64 /libx32 /opt /nix /snap /run /var/tmp'.split(' ')

function checkMounts(view: CellView, name: string, service: FilledService): void {
  const { volumes = {}, mounts = {} } = service
  const isProcess = service.image === undefined && !isAtFault(view, name, 'image')
  const kept = Object.values(volumes).map(tidyMount)
  const paths = Object.keys(mounts)
  for (const [index, path] of paths.entries()) {
    const refuse = (message: string, hint: string): void =>
      view.faults.add(
        'mount-refused',
        spotAt(view, 'services', name, 'mounts', path),
        message,
        hint,
      )
    const place = tidyMount(path)
    const taken = takenPlaces.find((one) => isWithin(place, one))
    const shared = isProcess ? placesOfProcesses.find((one) => isWithin(place, one)) : undefined
    const before = [...kept, ...paths.slice(0, index).map(tidyMount)]
    const other = before.find((one) => isWithin(place, one) || isWithin(one, place))
    if (taken !== undefined) {
      refuse(`nothing can be mounted at ${path}: ${taken} is the platform's`, 'choose another path')
    } else if (shared !== undefined) {
      const message = `\`${name}\` is a process, which sees its machine's own ${shared}`
      refuse(message, `mount it elsewhere, such as /config, or give \`${name}\` an image`)
    } else if (other !== undefined) {
      refuse(`${path} and ${other} lie in one another`, 'give each a path of its own')
    }
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

/** A process is its user on its node: it gains nothing, and writes where that user may. */
function checkProcess(view: CellView, name: string, service: FilledService): void {
  if (service.image !== undefined || isAtFault(view, name, 'image')) return
  for (const key of ['args', 'capabilities', 'user', 'workingDirectory', 'writable'] as const) {
    if (service[key] === undefined) continue
    const message = `\`${name}\` is a process, and \`${key}\` is for containers`
    const hint = `delete ${key}, or give \`${name}\` an image`
    view.faults.add('container-refused', spotAt(view, 'services', name, key), message, hint)
  }
}

function checkShared(view: CellView, name: string, service: FilledService): void {
  if (service.image === undefined && !isAtFault(view, name, 'image')) {
    const message = `\`${name}\` is a process, and only containers share a network`
    const hint = `give \`${name}\` an image, or delete network and name what it calls under needs`
    view.faults.add('network-refused', spotAt(view, 'services', name), message, hint)
  }
  if (isAtFault(view, name, 'spread')) return
  for (const rule of ['zone', 'node'] as const) {
    if (service.spread[rule] !== 'require') continue
    const message = `\`${name}\` is to stand apart by ${rule}, and the shared network is on one node`
    const hint = `write ${rule}: prefer for \`${name}\`, or delete network`
    view.faults.add(
      'network-refused',
      spotAt(view, 'services', name, 'spread', rule),
      message,
      hint,
    )
  }
}
