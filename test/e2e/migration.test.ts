import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RolloutView } from '../../src/wire/api.ts'
import type { RunView } from '../../src/wire/jobs.ts'
import type { SchemaView } from '../../src/wire/schema.ts'
import { Cloud, until, type Ran } from './cloud.ts'
import { Customers } from './customers.ts'
import { hasPostgres, Postgres } from './postgres.ts'

/**
 * Migrations on a real PostgreSQL: one column becomes two, while customers of the old version and
 * of the new one read and write.
 */

const cloud = new Cloud()
let db: Postgres
let folder = ''
/** Each of their requests starts a client of the database. */
const everyMs = 250
const asked = { headers: { host: 'ledger.localhost' } }
const cell = '/v1/cells/local/default/apps/ledger'

/** Each request writes a name as its version does, and reads the last one back. */
const server = `
const { createServer } = require('node:http')
const { execFile } = require('node:child_process')
const { DB_URL, FORM, PORT, HOST } = process.env
const statements = {
  old: "insert into people(name) values ('Ada Byron') returning name",
  new: "insert into people(first, last) values ('Ada', 'Byron') returning first || ' ' || last",
}
createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok')
  execFile('psql', [DB_URL, '-XAtqc', statements[FORM]], (error, out) => {
    response.statusCode = error ? 500 : 200
    response.end(error ? String(error) : FORM + ': ' + out)
  })
}).listen(Number(PORT), HOST)
`

/** The old version keeps on writing the one column: a trigger fills the two. */
const statements = {
  expand: `
alter table people add column first text, add column last text, alter column name drop not null;
create function split() returns trigger as $$ begin
  if new.name is not null then
    new.first = split_part(new.name, ' ', 1); new.last = split_part(new.name, ' ', 2);
  end if;
  return new; end $$ language plpgsql;
create trigger split before insert on people for each row execute function split();
update people set first = split_part(name, ' ', 1), last = split_part(name, ' ', 2);`,
  contract: `
drop trigger split on people; drop function split(); alter table people drop column name;`,
  undo: `
drop trigger split on people; drop function split();
update people set name = first || ' ' || last where name is null;
alter table people drop column first, drop column last, alter column name set not null;`,
  broken: 'alter table people add column third text; select 1/0;',
}

interface Version {
  readonly form: 'old' | 'new'
  readonly expand?: 'expand' | 'broken'
  readonly after?: string
}

async function deploy(version: string, { form, expand, after = '' }: Version): Promise<Ran> {
  const psql = (stage: string): string =>
    `[psql, "${db.url}", -X1f, ${stage}.sql, -vON_ERROR_STOP=1]`
  const migrate = `{ expand: ${psql(expand ?? 'expand')}, contract: ${psql('contract')}, undo: ${psql('undo')}, timeout: 1m }`
  writeFileSync(
    join(folder, 'roadstead.yaml'),
    `roadstead: v1
app: ledger
services:
  web:
    run: node server.js
    instances: 2
    health: { http: /healthz, every: 200ms }
    route: ledger.localhost
    env: { DB_URL: "${db.url}", FORM: ${form} }
${expand === undefined ? '' : `    migrate: ${migrate}\n`}release:
  steps:
${expand === undefined ? '' : '    - migrate: expand\n'}    - maintenance: { portion: 50% }
    - remaining: { batch: 50% }
${after}`,
  )
  return cloud.run('deploy', '--version', version, '-f', folder)
}

const rollouts = async (): Promise<RolloutView[]> =>
  (await cloud.get<{ items: RolloutView[] }>(`${cell}/rollouts`)).items
const migrations = async (): Promise<RunView[]> =>
  (await cloud.get<{ items: RunView[] }>('/v1/runs')).items.filter(
    ({ purpose }) => purpose === 'migration',
  )
const columns = (): string =>
  db.ask(
    "select string_agg(column_name, ' ' order by column_name) from information_schema.columns where table_name = 'people'",
  )

describe.skipIf(!hasPostgres() && process.env['CI'] === undefined)(
  'a migration on PostgreSQL',
  { timeout: 120_000 },
  () => {
    let customers: Customers

    beforeAll(async () => {
      db = new Postgres()
      await Promise.all([db.start(), cloud.start()])
      db.ask('create table people(id bigserial primary key, name text not null)')
      folder = join(cloud.folder, 'ledger')
      mkdirSync(folder)
      writeFileSync(join(folder, 'server.js'), server)
      for (const [stage, sql] of Object.entries(statements)) {
        writeFileSync(join(folder, `${stage}.sql`), sql)
      }
      await deploy('v1', { form: 'old' })
      customers = new Customers(cloud.file.ingress, 'ledger.localhost', everyMs)
      customers.begin()
    }, 120_000)
    afterAll(async () => {
      await customers?.end()
      await cloud.remove()
      await db.remove()
    })

    test('that fails half-way leaves schema and version as they were, and shows its output', async () => {
      const { code, output } = await deploy('v2', { form: 'new', expand: 'broken' })
      expect(code).not.toBe(0)
      expect(output).toContain('the expand of web failed: exit code')
      expect(columns()).toBe('id name')
      const [failed] = await migrations()
      const { output: shown } = await cloud.run('runs', failed?.id ?? '')
      expect(shown).toContain('division by zero')
    })

    test('expands under the customers of the old version, and goes back without undoing', async () => {
      const { output } = await deploy('v3', { form: 'new', expand: 'expand' })
      expect(output).toContain('is online')
      expect(columns()).toBe('first id last name')
      const refused = await cloud.run('schema', 'undo', 'ledger', 'web')
      expect(refused.output).toContain('works with it')
      const back = await cloud.run('revert', 'ledger')
      expect(back.output).toContain('is online')
      expect(columns()).toBe('first id last name')
      expect((await request(cloud.file.ingress, asked)).statusCode).toBe(200)
      expect(await (await request(cloud.file.ingress, asked)).body.text()).toContain('old: Ada')
    })

    test('is undone when somebody asks for it by name, once nothing works with it', async () => {
      const { code } = await cloud.run('schema', 'undo', 'ledger', 'web')
      expect(code).toBe(0)
      await until(async () => (await stages())[0]?.undo?.state === 'succeeded', 'it is undone')
      expect(columns()).toBe('id name')
    })

    test('contracts after the soak and closes the way back', async () => {
      const after = '  after: [ { migrate: contract } ]\n'
      const { output } = await deploy('v4', { form: 'new', expand: 'expand', after })
      expect(output).toContain('is online')
      await until(async () => (await stages())[0]?.contractedBy != null, 'it is contracted')
      expect(columns()).toBe('first id last')
      const refused = await cloud.run('revert', 'ledger')
      expect(refused.code).not.toBe(0)
      expect(refused.output).toContain('has contracted the schema of web')
    })

    test('costs no customer anything', async () => {
      await customers.end()
      expect(customers.failed).toEqual([])
      expect(customers.answered).toBeGreaterThan(40)
      for (const { ledger } of await rollouts()) expect(ledger.during?.failed ?? 0).toBe(0)
      expect(db.ask('select count(*) from people where first is null or last is null')).toBe('0')
    })
  },
)

async function stages(): Promise<SchemaView[]> {
  return (await cloud.get<{ items: SchemaView[] }>(`${cell}/schema`)).items
}
