import { convertEnvironment } from './environment.ts'
import { convertHealth } from './health.ts'
import { convertCommand, convertImage } from './image.ts'
import { convertConfigs } from './mounts.ts'
import { plainKeys, tellPlainKeys } from './plain-keys.ts'
import { convertPorts } from './ports.ts'
import { convertResources } from './resources.ts'
import {
  findersOf,
  sayerOf,
  type ComposeService,
  type Draft,
  type Say,
  type Scene,
} from './scene.ts'
import { convertSecurity } from './security.ts'
import { convertVolumes } from './volumes.ts'

/** One service of compose as one of a manifest. */

/** Keys that a file of its own is about; with `plainKeys` they are all that compose-spec has. */
export const convertedKeys: readonly string[] = [
  ...Object.keys(plainKeys),
  ...[
    'build image provider command entrypoint environment env_file secrets configs ports expose',
    'volumes tmpfs healthcheck depends_on deploy cpus mem_limit scale stop_grace_period stop_signal',
    'init restart cap_add cap_drop read_only user security_opt privileged devices gpus sysctls',
    'device_cgroup_rules use_api_socket cgroup_parent runtime isolation volumes_from userns_mode',
    'working_dir credential_spec network_mode pid ipc uts cgroup networks links container_name hostname extends',
    'profiles',
  ].flatMap((keys) => keys.split(' ')),
]

/** Undefined where the service does not go into the manifest; the report says why. */
export function convertService(
  scene: Scene,
  service: ComposeService,
  environment: ReadonlyMap<string, string>,
  owners: Map<string, string>,
): Draft | undefined {
  const say = sayerOf(service, scene.report)
  const draft: Draft = {}
  if (!convertImage(scene, service, draft, say)) return undefined
  if (service.key !== service.name) tellName(scene, service, say)
  convertCommand(service, draft, say)
  convertPorts(scene, service, draft, say)
  convertResources(service, environment, draft, say)
  convertVolumes(scene, service, draft, owners, say)
  convertConfigs(scene, service, draft, say)
  convertHealth(service, draft, say)
  convertEnvironment(service, environment, draft, say)
  convertSecurity(service, draft, say)
  tellPlainKeys(scene, service, say)
  makeSingle(scene, service, draft, say)
  return draft
}

/** The name is how others find it. */
function tellName(scene: Scene, service: ComposeService, say: Say): void {
  const finders = findersOf(scene, service)
  const said = `it is called \`${service.key}\` in a manifest, and found by that name`
  if (finders.length === 0) say('changed', '', said)
  else say('open', '', said, `have ${finders.join(', ')} call ${service.key}, not ${service.name}`)
}

/** Who keeps data or is found by its name is one, and stops before its successor starts. */
function makeSingle(scene: Scene, service: ComposeService, draft: Draft, say: Say): void {
  const finders = findersOf(scene, service)
  const many = draft.instances ?? 1
  if (draft.volumes === undefined && many > 1) {
    if (finders.length === 0) return
    const said = `${many} instances have no one name: ${finders.join(', ')} would not find it`
    say('open', '', said, `read ${service.key.toUpperCase().replaceAll('-', '_')}_URL, or run one`)
    return
  }
  if (draft.volumes === undefined && draft.route !== undefined && finders.length === 0) {
    if (scene.services.size === 1) return
    const said = 'it has no name for others: no other service of the file calls it by one'
    say('changed', '', said, 'if one does, from a file of its image, add singleton: true')
    return
  }
  draft.singleton = true
  delete draft.instances
  if (many > 1) {
    const said = `one instance, and not ${many}: a volume has a single writer`
    say('open', '', said, 'keep the data elsewhere to run more')
  }
  const why =
    draft.volumes !== undefined
      ? 'its volume has a single writer'
      : finders.length > 0
        ? `${finders.join(', ')} ${finders.length === 1 ? 'finds' : 'find'} it by its name`
        : 'no route leads to it'
  const gap = draft.route === undefined ? '' : ', and requests of its route wait or get 503'
  const said = `\`singleton\`, since ${why}: at a deploy it stops before its successor starts${gap}`
  say('changed', '', said)
}
