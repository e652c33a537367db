import { capabilities } from '../../parts/apps/model.ts'
import { itemsOf } from '../../parts/apps/manifest/tree.ts'
import { isTrue, textIn, textsIn, within } from '../values.ts'
import { pathPattern, tidied } from './mounts.ts'
import type { ComposeService, Draft, Say } from './scene.ts'

/** What a container may do: never more than a manifest can ask for, and all else is told. */

export function convertSecurity(service: ComposeService, draft: Draft, say: Say): void {
  convertCapabilities(service, draft, say)
  convertRoot(service, draft, say)
  convertUser(service, draft, say)
  convertFolder(service, draft, say)
  tellOptions(service, say)
}

function capability(name: string): string {
  return name.toLowerCase().replace(/^cap_/, '')
}

function convertCapabilities(service: ComposeService, draft: Draft, say: Say): void {
  const dropped = textsIn(within(service.node, 'cap_drop')).map(capability)
  const added = textsIn(within(service.node, 'cap_add')).map(capability)
  const isBare = dropped.includes('all')
  const given = capabilities.filter(
    (name) => (!isBare && !dropped.includes(name)) || added.includes(name) || added.includes('all'),
  )
  if (given.length > 0) draft.capabilities = given
  if (dropped.length > 0) say('carried', 'cap_drop', 'they are not among `capabilities`')
  for (const item of itemsOf(within(service.node, 'cap_add'))) {
    const name = capability(textIn(item) ?? '')
    const where = { key: 'cap_add', place: item.place }
    const isPermitted = capabilities.some((one) => one === name)
    if (isPermitted) say('carried', where, `\`${name}\` is among \`capabilities\``)
    else {
      const said = `\`${name}\` is never given to a container here`
      say('open', where, said, 'run what needs it on the machine itself')
    }
  }
}

function convertRoot(service: ComposeService, draft: Draft, say: Say): void {
  const isLocked = isTrue(within(service.node, 'read_only'))
  if (!isLocked) draft.writable = true
  if (within(service.node, 'read_only') === undefined) return
  if (!isLocked) say('carried', 'read_only', '`writable: true`')
  else if (draft.writable === true) {
    say('changed', 'read_only', 'the root is writable, for the folders that are written to')
  } else say('carried', 'read_only', 'a root is read-only unless it is `writable`')
}

const userPattern = /^(?:[a-z_][a-z0-9_-]{0,31}|\d{1,9})(?::(?:[a-z_][a-z0-9_-]{0,31}|\d{1,9}))?$/

function convertUser(service: ComposeService, draft: Draft, say: Say): void {
  const user = textIn(within(service.node, 'user'))
  if (user === undefined) return
  if (user === '') say('dropped', 'user', 'it names nobody')
  else if (/^(?:0+|root)(?::|$)/.test(user)) {
    const said = 'a container runs as the user that its image names'
    say('dropped', 'user', said, 'if the image names another than root, build one that does not')
  } else if (userPattern.test(user)) {
    draft.user = user
    say('carried', 'user', `\`user: ${user}\``)
  } else {
    const said = `\`${user}\` is no user that a manifest takes`
    say('open', 'user', said, 'give a number or a name, and a group: 1000:1000')
  }
}

function convertFolder(service: ComposeService, draft: Draft, say: Say): void {
  const folder = textIn(within(service.node, 'working_dir'))
  if (folder === undefined) return
  if (pathPattern.test(folder)) {
    draft.workingDirectory = tidied(folder)
    say('carried', 'working_dir', `\`workingDirectory: ${tidied(folder)}\``)
  } else {
    const said = `it cannot start in ${folder}, but in the folder that its image names`
    say('open', 'working_dir', said, 'give an absolute path, or build an image that says WORKDIR')
  }
}

/** Keys that would open the machine to a container. */
const openings: Readonly<Record<string, string>> = {
  privileged: 'a privileged container would rule its machine',
  devices: 'devices of the machine are never given to a container',
  device_cgroup_rules: 'devices of the machine are never given to a container',
  gpus: 'devices of the machine are never given to a container',
  use_api_socket: 'the socket of the engine is never given to a container',
  cgroup_parent: "a container's limits are the manifest's, not another group's",
  runtime: 'the engine chooses its runtime',
  sysctls: "the kernel's settings are not a container's",
  volumes_from: 'a volume has a single writer, and is nobody else’s',
  userns_mode: "it would share the machine's users",
  credential_spec: 'credentials of Windows are not read',
  isolation: 'isolation of Windows is not known here',
}

/** Namespaces, which are a container's own. */
const namespaces = ['network_mode', 'pid', 'ipc', 'uts', 'cgroup'] as const

/** Words that ask for no more than what a container has anyway. */
const ownNamespace: ReadonlySet<string> = new Set(['', 'private', 'bridge', 'default', 'shareable'])

function tellOptions(service: ComposeService, say: Say): void {
  const advice = 'run what needs it on the machine itself'
  for (const [key, why] of Object.entries(openings)) {
    const value = within(service.node, key)
    if (value === undefined) continue
    const isOff = value.kind === 'scalar' && !isTrue(value) && textIn(value) === 'false'
    if (isOff) say('carried', key, 'no container has it')
    else say('open', key, `not carried: ${why}`, advice)
  }
  const devices = within(service.node, 'deploy', 'resources', 'reservations', 'devices')
  if (devices !== undefined) {
    say(
      'open',
      'deploy.resources.reservations.devices',
      `not carried: ${openings['devices']}`,
      advice,
    )
  }
  for (const key of namespaces) {
    const value = textIn(within(service.node, key))
    if (value === undefined) continue
    if (ownNamespace.has(value)) say('carried', key, 'each container has its own')
    else say('open', key, `\`${value}\` is not carried: each container has its own`, advice)
  }
  for (const item of itemsOf(within(service.node, 'security_opt'))) {
    const text = textIn(item) ?? ''
    const where = { key: 'security_opt', place: item.place }
    const isKept = /^no-new-privileges(?::true|=true)?$/.test(text)
    if (isKept) say('carried', where, 'no container gains privileges')
    else say('open', where, `\`${text}\` is not carried: the engine's own profile holds`, advice)
  }
}
