import { expect, test } from 'vitest'
import { importText } from './import.fixture.ts'
import { serviceKeys } from './schema.ts'

/** A value for each key that compose-spec gives a service. */
const values: Readonly<Record<string, string>> = {
  annotations: '{ a: b }',
  attach: 'false',
  blkio_config: '{ weight: 10 }',
  build: '.',
  cap_add: '[CHOWN]',
  cap_drop: '[ALL]',
  cgroup: 'private',
  cgroup_parent: 'parent',
  command: 'run',
  configs: '[one]',
  container_name: 'other',
  cpu_count: '1',
  cpu_percent: '10',
  cpu_period: '1000',
  cpu_quota: '1000',
  cpu_rt_period: '1000',
  cpu_rt_runtime: '1000',
  cpu_shares: '10',
  cpus: '0.5',
  cpuset: '"0"',
  credential_spec: '{ file: a }',
  depends_on: '[db]',
  deploy: '{ replicas: 2 }',
  develop: '{ watch: [] }',
  device_cgroup_rules: '["c 1:3 mr"]',
  devices: '[/dev/kmsg]',
  dns: '127.0.0.1',
  dns_opt: '[use-vc]',
  dns_search: 'example.org',
  domainname: 'example.org',
  entrypoint: '/start',
  env_file: 'some.env',
  environment: '{ A: b }',
  expose: '[80]',
  extends: 'db',
  external_links: '[other]',
  extra_hosts: '["a=127.0.0.1"]',
  gpus: 'all',
  group_add: '[mail]',
  healthcheck: '{ test: "true" }',
  hostname: 'other',
  image: 'web:1',
  init: 'true',
  ipc: 'host',
  isolation: 'process',
  label_file: 'labels',
  labels: '{ a: b }',
  links: '[db]',
  logging: '{ driver: none }',
  mac_address: '02:00:00:00:00:01',
  mem_limit: '64m',
  mem_reservation: '64m',
  mem_swappiness: '10',
  memswap_limit: '64m',
  models: '[small]',
  network_mode: 'host',
  networks: '[front]',
  oom_kill_disable: 'true',
  oom_score_adj: '10',
  pid: 'host',
  pids_limit: '10',
  platform: 'linux/amd64',
  ports: '["80:80"]',
  post_start: '[{ command: a }]',
  pre_stop: '[{ command: a }]',
  privileged: 'true',
  profiles: '[debug]',
  provider: '{ type: model }',
  pull_policy: 'always',
  pull_refresh_after: '1d',
  read_only: 'true',
  restart: 'always',
  runtime: 'runc',
  scale: '2',
  secrets: '[key]',
  security_opt: '["no-new-privileges:true"]',
  shm_size: '64m',
  stdin_open: 'true',
  stop_grace_period: '5s',
  stop_signal: 'SIGINT',
  storage_opt: '{ size: 1G }',
  sysctls: '{ net.core.somaxconn: 1024 }',
  tmpfs: '/run',
  tty: 'true',
  ulimits: '{ nofile: 1024 }',
  use_api_socket: 'true',
  user: '"1000"',
  userns_mode: 'host',
  uts: 'host',
  volumes: '["data:/data"]',
  volumes_from: '[db]',
  working_dir: '/app',
}

const blocks =
  'volumes: { data: }\nsecrets: { key: { file: key } }\nconfigs: { one: { file: one } }\n'

test.each(serviceKeys)('the line of %s is in the report', async (key) => {
  const image = key === 'image' || key === 'provider' ? '' : '    image: web\n'
  const text = `services:\n  db: { image: db, expose: [5432] }\n  web:\n${image}    ${key}: ${values[key]}\n`
  const more = `${blocks}networks: { front: }\nmodels: { small: { model: small } }\n`
  const members = { profiles: ['debug'] }
  const { lines } = await importText(text + more, members, { 'some.env': 'B=c' })
  expect(lines.filter(({ outcome }) => outcome === 'fault')).toEqual([])
  const line = image === '' ? 4 : 5
  const path = `services.web.${key}`
  const told = lines.filter((one) => one.path.startsWith(path) && one.line === line)
  expect(told.map(({ said }) => said)).not.toEqual([])
})
