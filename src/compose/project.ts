import { FaultList, type FaultCode } from '../parts/apps/manifest/faults.ts'
import {
  childOf,
  entriesOf,
  itemsOf,
  type Entry,
  type MapNode,
  type Node,
  type Place,
} from '../parts/apps/manifest/tree.ts'
import { didYouMean } from '../parts/apps/manifest/suggestion.ts'
import { readCompose } from './document.ts'
import { readEnvFile } from './env-file.ts'
import type { Variable, Variables } from './interpolate.ts'
import { mergeBlock, mergeService, withoutResets } from './merge.ts'
import type { Report } from './report.ts'
import { folderOf, joined, leavesProject, type ComposeSource, type FoundFile } from './source.ts'
import { addUnreadable } from './unreadable.ts'
import { textIn, textsIn } from './values.ts'

/** All of a compose project: what its files include and extend is taken in. */

/** Compose files that one project may be made of. */
const filesMax = 50

/** Steps that includes, or services that extend each other, may go. */
const chainMax = 20

/** The blocks of a compose file that hold things by name. */
const blocks = ['services', 'networks', 'volumes', 'secrets', 'configs', 'models'] as const
type Block = (typeof blocks)[number]

/** A compose project with everything in it that its files say. */
export interface Project {
  /** The compose file itself. */
  readonly root: MapNode
  readonly blocks: Readonly<Record<Block, ReadonlyMap<string, Entry>>>
  /** What a variable without a value means. */
  readonly variables: Variables
}

/** Reads the project; undefined where its file cannot be used at all. The report says why. */
export async function readProject(
  source: ComposeSource,
  report: Report,
): Promise<Project | undefined> {
  return new Loader(source, report).load()
}

/** A file of variables: it is read when it is not yet. */
interface VariablesFile {
  readonly path: string
  readonly isNeeded: boolean
  readonly found?: FoundFile
  /** Who names it. */
  readonly place?: Place
}

class Loader {
  readonly #source: ComposeSource
  readonly #report: Report
  readonly #files = new Map<string, MapNode | undefined>()
  readonly #blocks = {
    services: new Map<string, Entry>(),
    networks: new Map<string, Entry>(),
    volumes: new Map<string, Entry>(),
    secrets: new Map<string, Entry>(),
    configs: new Map<string, Entry>(),
    models: new Map<string, Entry>(),
  }

  constructor(source: ComposeSource, report: Report) {
    this.#source = source
    this.#report = report
  }

  async load(): Promise<Project | undefined> {
    const { file, text, envFiles } = this.#source
    const given = (envFiles ?? []).map(({ file: path, found }) => ({ path, found, isNeeded: true }))
    const own = { path: joined(folderOf(file), '.env') ?? '.env', isNeeded: false }
    const variables = await this.#variables(given.length > 0 ? given : [own])
    const root = readCompose(text, file, variables, this.#report)
    if (root === undefined) return undefined
    this.#files.set(file, root)
    await this.#take(root, file, variables, [file])
    const overlaid = await this.#layOver(root, variables)
    for (const block of Object.values(this.#blocks)) {
      for (const [name, entry] of block) {
        if (entry.value.kind === 'removed') block.delete(name)
        else block.set(name, { ...entry, value: withoutResets(entry.value) })
      }
    }
    return overlaid && { root: overlaid, blocks: this.#blocks, variables }
  }

  /** The files that are laid over the first one, each with what it includes and extends. */
  async #layOver(root: MapNode, variables: Variables): Promise<MapNode | undefined> {
    const entries = new Map(root.entries)
    for (const { file, text } of this.#source.overlays ?? []) {
      const over = readCompose(text, file, variables, this.#report)
      if (over === undefined) return undefined
      this.#files.set(file, over)
      const said = `${file} is laid over what stands before it`
      this.#report.add('carried', '', over.place, said)
      await this.#take(over, file, variables, [file], 'over')
      for (const [key, entry] of over.entries) {
        if (key === 'name' || !entries.has(key)) entries.set(key, entry)
      }
    }
    return { ...root, entries }
  }

  /** The environment over what files of variables set. */
  async #variables(
    files: readonly VariablesFile[],
    outer: Variables = this.#source.environment,
  ): Promise<Variables> {
    const faults = new FaultList()
    const variables = new Map<string, Variable>()
    for (const { path, isNeeded, place = nowhere(path), ...given } of files) {
      const found = given.found ?? (await this.#source.files.read(path))
      if ('text' in found) {
        for (const [name, variable] of readEnvFile(found.text, { file: path, outer }, faults)) {
          variables.set(name, variable)
        }
      } else if (isNeeded || found.problem !== 'missing') {
        addUnreadable(faults, { place, path: [] }, path, found.problem)
      }
    }
    this.#report.addFaults(faults.sorted())
    return new Map([...variables, ...outer])
  }

  /** Takes in what a file includes, then what it says itself, with what that extends. */
  async #take(
    root: MapNode,
    file: string,
    variables: Variables,
    chain: readonly string[],
    where: 'beside' | 'over' = 'beside',
  ): Promise<void> {
    for (const item of itemsOf(childOf(root, 'include'))) {
      await this.#include(item, file, variables, chain)
    }
    for (const block of blocks) {
      for (const [name, entry] of entriesOf(childOf(root, block))) {
        if (name.startsWith('x-')) continue
        const known = this.#blocks[block].get(name)
        if (known !== undefined && where === 'beside') {
          const { file: other, line } = known.key
          const message = `\`${name}\` stands in ${other}:${line} already`
          this.#fault('duplicate-key', entry.key, [block, name], message, 'rename one of the two')
          continue
        }
        const value =
          block === 'services' && entry.value.kind === 'map'
            ? await this.#extended(entry.value, name, file, variables, [`${file} ${name}`])
            : entry.value
        this.#put(block, name, { ...entry, value })
      }
    }
  }

  /** What is there already is what it is laid over, and keeps its place. */
  #put(block: Block, name: string, entry: Entry): void {
    const known = this.#blocks[block].get(name)
    const value = known === undefined ? entry.value : mergeBlock(known.value, entry.value, block)
    if (value === undefined) this.#blocks[block].delete(name)
    else this.#blocks[block].set(name, { key: known?.key ?? entry.key, value })
  }

  async #include(
    item: Node,
    file: string,
    variables: Variables,
    chain: readonly string[],
  ): Promise<void> {
    const { place } = item
    const path = item.kind === 'map' ? childOf(item, 'path') : item
    const paths = path?.kind === 'list' ? textsIn(path) : [textIn(path) ?? '']
    const [first = '', ...others] = paths
    if (others.length > 0) {
      const message = 'several files that are laid over one another are not read'
      this.#fault('file-unreadable', place, ['include'], message, 'join them, or include one')
      return
    }
    if (childOf(item, 'project_directory') !== undefined) {
      const said = 'paths in it are seen from its own folder'
      this.#report.add(
        'open',
        'include',
        place,
        said,
        'write its paths so that they fit that folder',
      )
    }
    const target = this.#below(first, file, place, ['include'])
    if (target === undefined) return
    if (chain.includes(target) || chain.length > chainMax) {
      const circle = [...chain.slice(Math.max(0, chain.indexOf(target))), target].slice(-12)
      const message = `files include each other in a circle: ${circle.join(' → ')}`
      this.#fault('extends-cycle', place, ['include'], message, 'take one of these includes out')
      return
    }
    const own = childOf(item, 'env_file')
    const listed = (own?.kind === 'list' ? textsIn(own) : [textIn(own) ?? '']).filter(Boolean)
    const envFiles = listed.flatMap((path) => this.#below(path, file, place, ['include']) ?? [])
    const wanted = envFiles.length > 0 ? envFiles : [joined(folderOf(target), '.env') ?? '.env']
    const inner = await this.#variables(
      wanted.map((path) => ({ path, isNeeded: listed.length > 0, place })),
      variables,
    )
    const root = await this.#file(target, place, inner)
    if (root === undefined) return
    this.#report.add('carried', 'include', place, `what ${target} says was taken in`)
    await this.#take(root, target, inner, [...chain, target])
  }

  /** A service over the one that it extends. */
  async #extended(
    service: MapNode,
    name: string,
    file: string,
    variables: Variables,
    chain: readonly string[],
  ): Promise<MapNode> {
    const entry = service.entries.get('extends')
    if (entry === undefined) return service
    const rest = new Map(service.entries)
    rest.delete('extends')
    const own = { ...service, entries: rest }
    const at = ['services', name, 'extends']
    const { value, key: place } = entry
    const base = textIn(value) ?? textIn(childOf(value, 'service')) ?? ''
    const path = textIn(childOf(value, 'file'))
    const target = path === undefined ? file : this.#below(path, file, place, at)
    if (target === undefined) return own
    const link = `${target} ${base}`
    if (chain.includes(link) || chain.length > chainMax) {
      const circle = [...chain.slice(Math.max(0, chain.indexOf(link))), link].slice(-12)
      const names = circle.map((one) => one.replace(`${this.#source.file} `, ''))
      const message = `services extend each other in a circle: ${names.join(' → ')}`
      this.#fault('extends-cycle', place, at, message, 'take one of these `extends` out')
      return own
    }
    const root = await this.#file(target, place, variables)
    const services = childOf(root, 'services')
    const found = childOf(services, base)
    if (found?.kind !== 'map') {
      const names = entriesOf(services).map(([other]) => other)
      const message = `there is no service \`${base}\` in ${target} to extend`
      if (root !== undefined) {
        this.#fault('unknown-service', place, at, message, didYouMean(base, names, ''))
      }
      return own
    }
    const whose = path === undefined ? '' : `what ${target} says of `
    const said = `${whose}\`${base}\` was taken in`
    this.#report.add('carried', at.join('.'), place, said)
    const lower = await this.#extended(found, base, target, variables, [...chain, link])
    return mergeService(lower, own)
  }

  /** Another compose file of the project, read once. */
  async #file(path: string, place: Place, variables: Variables): Promise<MapNode | undefined> {
    if (this.#files.has(path)) return this.#files.get(path)
    if (this.#files.size >= filesMax) {
      const message = `a project may have ${filesMax} compose files`
      this.#fault('file-unreadable', place, [], message, 'join some of them')
      return undefined
    }
    const found = await this.#source.files.read(path)
    const root =
      'text' in found ? readCompose(found.text, path, variables, this.#report) : undefined
    if ('problem' in found) {
      const faults = new FaultList()
      addUnreadable(faults, { place, path: [] }, path, found.problem)
      this.#report.addFaults(faults.sorted())
    }
    this.#files.set(path, root)
    return root
  }

  /** A path that a file names, seen from the project; undefined, with a fault, outside of it. */
  #below(path: string, file: string, place: Place, at: readonly string[]): string | undefined {
    const target = joined(folderOf(file), path)
    if (target !== undefined && !leavesProject(target)) return target
    const faults = new FaultList()
    addUnreadable(faults, { place, path: at }, path, 'outside')
    this.#report.addFaults(faults.sorted())
    return undefined
  }

  #fault(
    code: FaultCode,
    place: Place,
    path: readonly string[],
    message: string,
    hint: string,
  ): void {
    const faults = new FaultList()
    faults.add(code, { place, path }, message, hint)
    this.#report.addFaults(faults.sorted())
  }
}

function nowhere(file: string): Place {
  return { file, line: 1, column: 1, words: '', layer: 'app' }
}
