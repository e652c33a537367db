import { entriesOf, itemsOf, type Node } from '../../parts/apps/manifest/tree.ts'
import { isTrue, textIn, within } from '../values.ts'
import type { ComposeService, Say, Scene } from './scene.ts'
import type { Outcome } from '../report.ts'

/** Keys of a service that need one sentence each, whatever their value. */
export const plainKeys: Readonly<
  Record<string, readonly [Outcome, said: string, advice?: string]>
> = {
  annotations: ['dropped', 'nobody reads them here'],
  attach: ['dropped', '`roadstead logs` shows what each prints'],
  blkio_config: ['dropped', 'the speed of disks is not limited'],
  cpu_count: ['dropped', '`cpu` is the only limit of cores'],
  cpu_percent: ['dropped', '`cpu` is the only limit of cores'],
  cpu_period: ['dropped', '`cpu` is the only limit of cores', 'say cpu: in the manifest'],
  cpu_quota: ['dropped', '`cpu` is the only limit of cores', 'say cpu: in the manifest'],
  cpu_rt_period: ['dropped', '`cpu` is the only limit of cores'],
  cpu_rt_runtime: ['dropped', '`cpu` is the only limit of cores'],
  cpu_shares: ['dropped', '`cpu` is the only limit of cores'],
  cpuset: ['dropped', 'no core is anybody’s own'],
  develop: ['dropped', 'it is for work on your own machine'],
  dns: ['open', "names are asked of the engine's own server", 'set it in the engine'],
  dns_opt: ['dropped', "names are asked of the engine's own server"],
  dns_search: ['dropped', "names are asked of the engine's own server"],
  domainname: ['dropped', 'a container is found by the name of its service alone'],
  external_links: [
    'open',
    'containers that are not of this file are not reached',
    'name their address in `env`',
  ],
  extra_hosts: ['open', 'names of other machines are not put in', 'use their addresses in `env`'],
  group_add: ['open', 'it has the groups that its image gives it', 'name them in the image'],
  label_file: ['dropped', 'nobody reads labels here'],
  labels: ['dropped', 'nobody reads labels here; routes stand in the manifest'],
  logging: ['dropped', '`roadstead logs` keeps what it prints'],
  mac_address: ['dropped', 'the engine gives one'],
  mem_reservation: ['dropped', '`memory` is both what is kept for it and its limit'],
  mem_swappiness: ['dropped', 'there is no swap'],
  memswap_limit: ['dropped', 'there is no swap'],
  models: ['open', 'models are not run here', 'name the address of one in `env`'],
  oom_kill_disable: ['dropped', 'what goes beyond its memory is ended'],
  oom_score_adj: ['dropped', 'what goes beyond its memory is ended'],
  pids_limit: ['changed', '512 processes are the most of every container'],
  platform: ['dropped', "the image is taken for the node's kind of processor"],
  post_start: ['open', 'nothing is run after a start', 'do it in the program, or in a job'],
  pre_stop: ['open', 'nothing is run before a stop', 'do it in the program, on SIGTERM'],
  pull_policy: ['changed', 'the tag is resolved at each deploy, and that digest is pulled once'],
  pull_refresh_after: ['dropped', 'the tag is resolved at each deploy'],
  shm_size: ['dropped', '/dev/shm has what the engine gives it, 64 MiB'],
  stdin_open: ['dropped', 'nobody types into it; `roadstead exec` does'],
  storage_opt: ['dropped', '`disk` says how much it may write'],
  tty: ['dropped', 'nobody types into it; `roadstead exec` does'],
  ulimits: ['dropped', "the engine's own limits hold"],
}

/** Keys below `deploy` that need one sentence each. */
const deployKeys: Readonly<Record<string, readonly [Outcome, said: string, advice?: string]>> = {
  endpoint_mode: ['dropped', 'the ingress spreads requests over instances'],
  labels: ['dropped', 'nobody reads labels here; routes stand in the manifest'],
  placement: ['dropped', 'the scheduler chooses the node'],
  restart_policy: ['changed', 'what ends is started again, later each time'],
  rollback_config: ['changed', 'a release that fails is reverted by itself'],
  update_config: ['changed', '`release` says how a new version goes out'],
  'resources.reservations.cpus': ['dropped', '`cpu` is both what is kept for it and its limit'],
  'resources.reservations.memory': [
    'dropped',
    '`memory` is both what is kept for it and its limit',
  ],
  'resources.reservations.generic_resources': ['open', 'such resources are not counted here'],
  'resources.limits.pids': ['changed', '512 processes are the most of every container'],
}

/** Says what has one sentence. */
export function tellPlainKeys(scene: Scene, service: ComposeService, say: Say): void {
  for (const [key, sentence] of Object.entries(plainKeys)) {
    if (within(service.node, key) !== undefined) say(sentence[0], key, sentence[1], sentence[2])
  }
  for (const [key, sentence] of Object.entries(deployKeys)) {
    const path = `deploy.${key}`
    if (within(service.node, ...path.split('.')) !== undefined) {
      say(sentence[0], path, sentence[1], sentence[2])
    }
  }
  tellMode(service, say)
  tellNames(scene, service, say)
  tellNetworks(service, say)
  tellRestart(service, say)
  if (within(service.node, 'profiles') !== undefined) {
    say('changed', 'profiles', 'it is in the manifest for good, whatever the profile')
  }
  for (const [key] of entriesOf(service.node)) {
    if (key.startsWith('x-')) say('dropped', key, 'it is only for what refers to it')
  }
  if (within(service.node, 'init') !== undefined) {
    const isAsked = isTrue(within(service.node, 'init'))
    say(isAsked ? 'carried' : 'changed', 'init', 'every container has a small first process')
  }
}

function tellMode(service: ComposeService, say: Say): void {
  const mode = textIn(within(service.node, 'deploy', 'mode'))
  if (mode === undefined) return
  if (mode === 'replicated') return say('carried', 'deploy.mode', 'a number of instances')
  const advice = 'run it on the machines themselves'
  say('open', 'deploy.mode', `\`${mode}\` is not known: it runs once`, advice)
}

/** Other names than the service's: nobody finds it by them. */
function tellNames(scene: Scene, service: ComposeService, say: Say): void {
  for (const key of ['container_name', 'hostname']) {
    const name = textIn(within(service.node, key))
    if (name === undefined) continue
    const finders = (scene.callers.get(service.name) ?? []).filter(({ by }) => by === name)
    const said = `it has the name of its service, \`${service.key}\`, and not ${name}`
    if (name === service.key) say('carried', key, 'it is the name of the service')
    else if (finders.length === 0 || name === service.name) say('dropped', key, said)
    else {
      const advice = `have ${finders[0]?.name} call ${service.key} in place of ${name}`
      say('open', key, said, advice)
    }
  }
}

/** Networks and links: all of it is one network here. */
function tellNetworks(service: ComposeService, say: Say): void {
  const networks = within(service.node, 'networks')
  if (networks !== undefined) tellAliases(service, networks, say)
  for (const item of itemsOf(within(service.node, 'links'))) {
    const [name = '', alias = name] = (textIn(item) ?? '').split(':')
    const where = { key: 'links', place: item.place }
    if (alias === name) say('carried', where, 'services of the app reach each other anyway')
    else {
      const said = `\`${name}\` is found by its own name, and not as ${alias}`
      say('open', where, said, 'use the name of the service')
    }
  }
}

function tellAliases(service: ComposeService, networks: Node, say: Say): void {
  say('changed', 'networks', 'all services of the app share one network')
  const named = networks.kind === 'map' ? [...networks.entries.keys()] : []
  for (const name of named) {
    const aliases = within(service.node, 'networks', name, 'aliases')
    for (const item of itemsOf(aliases)) {
      const where = { key: `networks.${name}.aliases`, place: item.place }
      const said = `it is found as \`${service.key}\`, and not as ${textIn(item)}`
      say('open', where, said, 'have its callers use the name of the service')
    }
  }
}

function tellRestart(service: ComposeService, say: Say): void {
  const policy = textIn(within(service.node, 'restart'))
  if (policy === undefined) return
  if (!/^(?:no|always|unless-stopped|on-failure(?::\d{1,9})?)$/.test(policy)) {
    const hint = 'possible here: no, always, on-failure, unless-stopped'
    say('fault', 'restart', `\`${policy}\` is no policy of compose`, hint)
    return
  }
  const said = 'what ends is started again, later each time'
  const isSame = policy === 'always' || policy === 'unless-stopped'
  say(isSame ? 'carried' : 'changed', 'restart', said)
}
