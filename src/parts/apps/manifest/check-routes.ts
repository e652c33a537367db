import { spotAt, type CellView } from './cell-view.ts'
import { hostProblem } from './host.ts'
import { lineWords, placeAt } from './tree.ts'

/** Routes that exist, each once in a cell; every exposure is served at an address of its own. */
export function checkRoutes(view: CellView): void {
  const claimed = new Map<string, string>()
  for (const [name, { route }] of view.services) {
    if (route === undefined) continue
    const spot = spotAt(view, 'services', name, 'route', 'host')
    const problem = hostProblem(route.host)
    if (problem !== undefined) {
      view.faults.add('bad-host', spot, ...problem)
      continue
    }
    const address = `${route.expose} ${route.host}${route.path.replace(/\/+$/, '')}/`
    const other = claimed.get(address)
    if (other === undefined) {
      claimed.set(address, name)
      continue
    }
    const place = placeAt(view.root, ['services', other, 'route'])
    const at = lineWords(place, spot.place)
    const message = `${route.host}${route.path} leads to \`${other}\` already (${at})`
    const hint = `give \`${name}\` another path, such as path: /${name}`
    view.faults.add('route-conflict', spotAt(view, 'services', name, 'route'), message, hint)
  }
}
