import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { AppView, NodeView } from '../../../../src/wire/api.ts'
import { appsQuery, nodesQuery } from '../../api/queries.ts'
import { Empty, Panel } from '../../marks/panel.tsx'
import { bytes, count, plural } from '../../words/numbers.ts'
import { PlatformPanel } from './platform-panel.tsx'
import { TokensPanel } from './tokens-panel.tsx'
import styles from './settings.module.css'

/** What the platform is made of, who may come, and the operators' file. */
export function SettingsPage() {
  return (
    <>
      <title>Settings · Roadstead</title>
      <h1 className={styles.title}>Settings</h1>
      <div className={styles.page}>
        <div className={styles.column}>
          <TokensPanel />
          <CellsPanel />
          <GroupsPanel />
        </div>
        <PlatformPanel />
      </div>
    </>
  )
}

/** Environments down, tenants across: how many apps each cell has. */
function CellsPanel() {
  const { data: apps = [] } = useQuery(appsQuery)
  const { environments, tenants, counts } = useMemo(() => cellsOf(apps), [apps])
  return (
    <Panel title="Environments and tenants" note="apps in each cell">
      {environments.length === 0 ? (
        <Empty title="No cell has an app" command="roadstead deploy --cell prod/cz">
          A cell is one environment for one tenant; platform.yaml names them, a deploy fills one:
        </Empty>
      ) : (
        <div className={styles.scroll} role="group" aria-label="Cells" tabIndex={0}>
          <table className={styles.table}>
            <thead>
              <tr>
                <td />
                {tenants.map((tenant) => (
                  <th key={tenant} scope="col">
                    {tenant}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {environments.map((environment) => (
                <tr key={environment}>
                  <th scope="row">{environment}</th>
                  {tenants.map((tenant) => (
                    <td key={tenant}>{counts.get(`${environment}/${tenant}`) ?? '–'}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}

/** Nodes that may do the same work: by zone and by what their agents run. */
function GroupsPanel() {
  const { data: nodes = [] } = useQuery(nodesQuery)
  const groups = useMemo(() => groupsOf(nodes), [nodes])
  return (
    <Panel title="Node groups" note="nodes that can do the same, by zone">
      {groups.length === 0 && (
        <Empty title="No node has joined" command="roadstead agent">
          An agent registers the machine that it runs on:
        </Empty>
      )}
      {groups.length > 0 && (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">zone</th>
              <th scope="col">runs</th>
              <th scope="col">nodes</th>
              <th scope="col">cores</th>
              <th scope="col">memory</th>
            </tr>
          </thead>
          <tbody>
            {groups.map(({ name, zone, runs, nodes: members, cpu, memoryBytes }) => (
              <tr key={name}>
                <th scope="row">{zone}</th>
                <td>{runs}</td>
                <td>{plural(members, 'node')}</td>
                <td>{count(cpu)}</td>
                <td>{bytes(memoryBytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}

function cellsOf(apps: readonly AppView[]) {
  const counts = new Map<string, number>()
  for (const { at } of apps) {
    const cell = `${at.environment}/${at.tenant}`
    counts.set(cell, (counts.get(cell) ?? 0) + 1)
  }
  const environments = [...new Set(apps.map(({ at }) => at.environment))].toSorted()
  const tenants = [...new Set(apps.map(({ at }) => at.tenant))].toSorted()
  return { environments, tenants, counts }
}

function groupsOf(nodes: readonly NodeView[]) {
  const groups = Map.groupBy(nodes, ({ zone, drivers = ['process'] }) =>
    [zone, drivers.toSorted().join(', ')].join(' · '),
  )
  return [...groups]
    .map(([name, members]) => {
      const [zone = '', runs = ''] = name.split(' · ')
      const cpu = members.reduce((sum, { capacity }) => sum + capacity.cpu, 0)
      const memoryBytes = members.reduce((sum, { capacity }) => sum + capacity.memoryBytes, 0)
      return { name, zone, runs, nodes: members.length, cpu, memoryBytes }
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
