import { urlVariableOf, volumeVariableOf } from '../../../base/variables.ts'
import {
  fewestInstances,
  isAtFault,
  spotAt,
  type CellView,
  type FilledService,
} from './cell-view.ts'
import { checkBuild } from './check-build.ts'
import { checkCommand } from './check-command.ts'
import { checkResource } from './check-reference.ts'
import { childOf, placeAt, lineWords } from './tree.ts'

/** What must hold of one service by itself. */
export function checkServices(view: CellView): void {
  for (const [name, service] of view.services) {
    checkRun(view, name, service)
    checkHealth(view, name, service)
    checkWorker(view, name, service)
    checkSpread(view, name, service)
    checkScale(view, name, service)
    checkUses(view, name, service)
    checkEnv(view, name, service)
    checkAssets(view, name, service)
    checkBuild(view, name, service)
  }
}

function checkRun(view: CellView, name: string, service: FilledService): void {
  const { run, shell, image } = service
  if (run !== undefined && shell !== undefined) {
    const spot = spotAt(view, 'services', name, 'shell')
    view.faults.add('run-twice', spot, `\`${name}\` has both run and shell`, 'keep one of the two')
  }
  const program = run === undefined ? 'shell' : 'run'
  if (service.args !== undefined && service[program] !== undefined) {
    const spot = spotAt(view, 'services', name, 'args')
    const message = `\`${name}\` has both ${program} and args, which are for the image's own program`
    view.faults.add('run-twice', spot, message, `put the arguments into ${program}`)
  }
  /** A faulty one has left a hole, and is no missing one. */
  const isSaid = isAtFault(view, name, 'run', 'shell', 'image') || service.build !== undefined
  if (run === undefined && shell === undefined && image === undefined && !isSaid) {
    const message = `\`${name}\` does not say what runs`
    const hint = 'add run: node server.js, or image: …'
    view.faults.add('run-missing', spotAt(view, 'services', name), message, hint)
  }
  checkCommand(view, run, 'services', name, 'run')
  checkCommand(view, service.health?.exec, 'services', name, 'health', 'exec')
  for (const key of ['expand', 'contract', 'undo'] as const) {
    checkCommand(view, service.migrate?.[key], 'services', name, 'migrate', key)
  }
}

function checkHealth(view: CellView, name: string, service: FilledService): void {
  const { health, route } = service
  if (isAtFault(view, name, 'health')) return
  const path = ['services', name, 'health'] as const
  const ways = (['http', 'tcp', 'exec'] as const).filter((way) => health?.[way] !== undefined)
  if (health !== undefined && ways.length !== 1) {
    const message =
      ways.length === 0
        ? 'the health check does not say what is checked'
        : `the health check has ${ways.join(' and ')}`
    view.faults.add(
      'route-health',
      spotAt(view, ...path),
      message,
      'give one of http, tcp and exec',
    )
    return
  }
  if (route === undefined || health === undefined || health.tcp === undefined) return
  const message = `\`${name}\` has a route, and a port alone does not show that it can serve`
  const hint = `add health: /healthz to \`${name}\`, a path that answers 200 when it is ready`
  const isWritten =
    childOf(childOf(childOf(view.root, 'services'), name), 'health')?.place.layer !== 'default'
  const spot = isWritten ? spotAt(view, ...path) : spotAt(view, 'services', name)
  view.faults.add('route-health', spot, message, hint)
}

function checkWorker(view: CellView, name: string, service: FilledService): void {
  if (service.worker !== true) return
  const refuse = (key: readonly string[], what: string, hint: string): void => {
    const message = `\`${name}\` is a worker, without a port: ${what}`
    view.faults.add('worker-refused', spotAt(view, 'services', name, ...key), message, hint)
  }
  if (service.route !== undefined)
    refuse(['route'], 'no route can lead to it', 'delete route, or worker')
  if (service.warmup !== undefined)
    refuse(['warmup'], 'nothing can be requested of it', 'delete warmup')
  if (service.assets !== undefined)
    refuse(['assets'], 'no browser asks it for files', 'delete assets')
  const { health, scale } = service
  if (health?.http !== undefined || health?.tcp !== undefined) {
    refuse(
      ['health'],
      'it cannot be asked over the network',
      'give health: { exec: … }, or health: none',
    )
  }
  for (const figure of ['rps', 'p95'] as const) {
    if (scale?.target[figure] === undefined) continue
    const message = `\`${figure}\` cannot be measured: \`${name}\` is a worker and gets no requests`
    const spot = spotAt(view, 'services', name, 'scale', 'target', figure)
    view.faults.add('cannot-measure', spot, message, 'use cpu or queue')
  }
}

function checkSpread(view: CellView, name: string, service: FilledService): void {
  const { spread, singleton, instances, scale } = service
  if (isAtFault(view, name, 'spread', 'instances', 'scale')) return
  if (singleton === true) {
    const most = scale?.max ?? instances
    if (most > 1) {
      const key = scale === undefined ? 'instances' : 'scale'
      const message = `\`${name}\` is a singleton, and would have up to ${most} instances`
      const spot = spotAt(view, 'services', name, key)
      view.faults.add(
        'singleton-refused',
        spot,
        message,
        `give it ${key}: ${key === 'scale' ? 'none' : 1}, or delete singleton`,
      )
    }
  }
  // Zones are kept even: from two instances in two zones on, the loss of one leaves some.
  if (spread.zone !== 'require') return
  const spot = spotAt(view, 'services', name, 'spread', 'zone')
  const zones = view.zones?.length
  if (zones === 1) {
    const only = `the node group has one (${view.zones![0]})`
    const message = `\`${name}\` is to survive the loss of a zone, but ${only}`
    view.faults.add('spread-refused', spot, message, `write zone: prefer for \`${name}\``)
    return
  }
  const fewest = fewestInstances(service)
  if (fewest < 2) {
    const where = scale === undefined ? 'instances' : 'scale.min'
    const count = placeAt(view.root, ['services', name, ...where.split('.')])
    const at = count.line > 0 ? ` (${lineWords(count, spot.place)})` : ''
    const message = `\`${name}\` is to survive the loss of a zone, but ${where} is ${fewest}${at}`
    view.faults.add(
      'spread-refused',
      spot,
      message,
      `give \`${name}\` ${where}: 2 or more, or zone: prefer`,
    )
  }
}

function checkScale(view: CellView, name: string, service: FilledService): void {
  const { scale } = service
  if (scale === undefined) return
  if (scale.min > scale.max) {
    const min = placeAt(view.root, ['services', name, 'scale', 'min'])
    const spot = spotAt(view, 'services', name, 'scale', 'max')
    const line = lineWords(min, spot.place)
    const message = `max is ${scale.max}, below min, which is ${scale.min} (${line})`
    view.faults.add('scale-refused', spot, message, 'make max at least as large as min')
  }
  const { queue } = scale.target
  if (queue === undefined || isAtFault(view, name, 'uses')) return
  const spot = spotAt(view, 'services', name, 'scale', 'target', 'queue', 'of')
  const resource = view.resources.get(queue.of)
  if (service.uses?.includes(queue.of) !== true) {
    const message = `the queue cannot be measured: \`${name}\` does not use \`${queue.of}\``
    view.faults.add('cannot-measure', spot, message, `add uses: [${queue.of}] to \`${name}\``)
  } else if (resource !== undefined && resource.type !== 'rabbitmq') {
    const message = `\`${queue.of}\` is a ${resource.type} and holds no queue`
    view.faults.add('cannot-measure', spot, message, 'name a resource of type rabbitmq')
  }
}

function checkUses(view: CellView, name: string, service: FilledService): void {
  for (const [index, resource] of (service.uses ?? []).entries()) {
    checkResource(view, resource, 'services', name, 'uses', String(index))
  }
  const { migrate } = service
  if (migrate === undefined) return
  if (migrate.resource !== undefined) {
    checkResource(view, migrate.resource, 'services', name, 'migrate', 'resource')
  }
  if (migrate.contract !== undefined && migrate.expand === undefined) {
    const message = `\`${name}\` has a contract without an expand: there would be no way back`
    const hint =
      'split the migration: expand adds, and contract removes when no old instance is left'
    view.faults.add(
      'migrate-refused',
      spotAt(view, 'services', name, 'migrate', 'contract'),
      message,
      hint,
    )
  }
}

function checkEnv(view: CellView, name: string, service: FilledService): void {
  const given = new Map(neededOf(service).map((need) => [urlVariableOf(need), need]))
  const kept = new Map(
    Object.keys(service.volumes ?? {}).map((key) => [volumeVariableOf(key), key]),
  )
  for (const block of ['env', 'secrets'] as const) {
    for (const variable of Object.keys(service[block] ?? {})) {
      const spot = spotAt(view, 'services', name, block, variable)
      const isOurs = variable === 'PORT' || variable.startsWith('ROADSTEAD_')
      if (isOurs) {
        const message = `${variable} is set by Roadstead`
        view.faults.add('env-reserved', spot, message, 'read it in the program; delete it here')
      } else if (kept.has(variable)) {
        const message = `${variable} is set by Roadstead, for the volume \`${kept.get(variable)}\``
        view.faults.add('env-reserved', spot, message, 'choose another name, or delete it')
      } else if (given.has(variable)) {
        const need = given.get(variable)
        const message = `${variable} is set by Roadstead, because \`${name}\` needs \`${need}\``
        view.faults.add('env-reserved', spot, message, 'choose another name, or delete it')
      } else if (block === 'secrets' && service.env?.[variable] !== undefined) {
        const env = placeAt(view.root, ['services', name, 'env', variable])
        const message = `${variable} is under env too (${lineWords(env, spot.place)})`
        view.faults.add('env-reserved', spot, message, 'keep one of the two')
      }
    }
  }
}

/** Beside all of the source, files of an earlier version would be code of two. */
function checkAssets(view: CellView, name: string, { assets }: FilledService): void {
  const parts = assets?.directory.split('/')
  if (parts?.every((part) => part === '' || part === '.') !== true) return
  const spot = spotAt(view, 'services', name, 'assets', 'directory')
  const message = `the assets of \`${name}\` would be all of its source`
  view.faults.add('bad-path', spot, message, 'name the folder that only they lie in')
}

/** Services of the same app that a service needs. */
export function neededOf(service: FilledService): string[] {
  const needs = service.needs ?? []
  const names = Array.isArray(needs) ? needs : Object.keys(needs)
  return names.filter((need) => !need.includes('/'))
}
