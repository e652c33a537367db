import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import { create, remove, type Entry, type Snapshot, type State } from '../../store/port.ts'
import { Written } from '../../wire/api.ts'
import { appParams, appPath, idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { testLinkLife } from '../../wire/test-link-life.ts'
import { TestLinkAnswer, TestLinkRequest, TestLinkView } from '../../wire/test-links.ts'
import type { Release } from '../apps/model.ts'
import { releaseAt, releasesOf } from '../apps/records.ts'
import { requireApp } from '../apps/routes.ts'
import { viewOfApp, type Origins } from '../apps/view.ts'
import { activeRollout } from '../rollouts/records.ts'
import { cellName, type AppCell } from '../tenants/model.ts'
import { testLinkKey, testLinksMax, type TestLink } from './model.ts'
import { standingOf, testLinkKind, testLinksOf } from './records.ts'

export interface TestLinkRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  /** Where the ingress serves routes. */
  readonly origins: Origins
}

const people = { roles: ['operator', 'developer', 'viewer'] } as const
const releasers = { roles: ['operator', 'developer'] } as const
const tag = 'test links'
const path = `${appPath}/test-links`

/** Where the ingress takes a token and makes a browser a tester's. */
const entrance = '/.roadstead/test/'

/** Test links: whoever has one meets a release that customers do not meet yet. */
export function testLinkRoutes(options: TestLinkRoutesOptions): RouteDefinition[] {
  return [listRoute(options), createRoute(options), endRoute(options)]
}

function listRoute({ state: { snapshot }, state, clock }: TestLinkRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path,
    rule: people,
    summary: 'The test links of an app that are good still, newest first: never their tokens.',
    tag,
    params: appParams,
    answers: { 200: Type.Object({ items: Type.Array(TestLinkView) }) },
    async handle({ params }) {
      requireApp(state, params)
      const good = testLinksOf(snapshot, params).filter(({ value }) => value.until >= clock.now())
      const items = good.map(({ value }) => viewOf(snapshot, value))
      return { body: { items: items.toReversed() } }
    },
  })
}

function createRoute(options: TestLinkRoutesOptions): RouteDefinition {
  const { state, clock, random } = options
  return route({
    method: 'POST',
    path,
    rule: releasers,
    summary: 'Lets whoever has a token meet a release before customers do, by the token’s sha256.',
    tag,
    params: appParams,
    body: TestLinkRequest,
    answers: { 201: TestLinkAnswer },
    async handle({ params, caller, body }) {
      requireApp(state, params)
      const now = clock.now()
      const release = releaseToTest(state.snapshot, params, body.releaseNumber)
      const link: TestLink = {
        id: newId('tl', random),
        at: params,
        digest: body.hash.slice('sha256:'.length),
        releaseId: release.id,
        until: now + (body.forMs ?? testLinkLife.usualMs),
        createdBy: caller?.name ?? '',
        createdAt: now,
      }
      const outdated = roomFor(state.snapshot, params, now)
      const revision = await state.commit({
        writes: [create(testLinkKind, link), ...outdated.map((entry) => remove(entry))],
        attribution: {
          who: link.createdBy,
          what: 'test-link.create',
          why: `${params.app} in ${cellName(params)}: ${link.id} leads to release ${release.number}`,
        },
      })
      const entrances = entrancesOf(options, params)
      return { status: 201, body: { ...viewOf(state.snapshot, link), revision, entrances } }
    },
  })
}

function endRoute({ state }: TestLinkRoutesOptions): RouteDefinition {
  return route({
    method: 'DELETE',
    path: `${path}/:id`,
    rule: releasers,
    summary: 'Ends a test link: its next request is refused.',
    tag,
    params: Type.Object({ ...appParams.properties, id: idParam }),
    answers: { 200: Written },
    async handle({ params, caller }) {
      const { id, app } = params
      const entry = state.snapshot.get(testLinkKind, testLinkKey(params, id))
      if (entry === undefined) {
        throw new Refusal('test-link-unknown', `${app} has no test link ${id}`, {
          status: 404,
          hint: `\`roadstead test-link ${app} --list\` lists those that are good still`,
        })
      }
      const revision = await state.commit({
        writes: [remove(entry)],
        attribution: {
          who: caller?.name ?? '',
          what: 'test-link.end',
          why: `${app} ${id}: not wanted any more`,
        },
      })
      return { body: { revision } }
    },
  })
}

/** Outdated links, which make room; refused where as many as may be are good still. */
function roomFor(snapshot: Snapshot, at: AppCell, now: number): Entry<TestLink>[] {
  const all = testLinksOf(snapshot, at)
  const outdated = all.filter(({ value }) => value.until < now)
  if (all.length - outdated.length < testLinksMax) return outdated
  throw new Refusal('test-links-full', `${at.app} has ${testLinksMax} test links already`, {
    status: 409,
    hint: `end one: \`roadstead test-link ${at.app} --list\`, then --end ID; or hand on one of them`,
    details: { limit: testLinksMax },
  })
}

/** The release asked for, or the one that is to be tested now; refused where nothing of it runs. */
function releaseToTest(snapshot: Snapshot, at: AppCell, number: number | undefined): Release {
  const standing = standingOf(snapshot, at)
  const releases = releasesOf(snapshot, at).map(({ value }) => value)
  const isStanding = ({ id }: Release): boolean =>
    standing.some(({ releaseId }) => releaseId === id)
  if (number !== undefined) {
    const found = releases.find((release) => release.number === number)
    if (found !== undefined && isStanding(found)) return found
    throw nothingToTest(`no instance of release ${number} of ${at.app} runs`)
  }
  const coming = activeRollout(snapshot, at)?.value.releaseId
  const inMaintenance = new Set(
    standing.filter(({ pool }) => pool === 'maintenance').map(({ releaseId }) => releaseId),
  )
  const found =
    releases.find((release) => release.id === coming && isStanding(release)) ??
    releases.findLast(({ id }) => inMaintenance.has(id))
  if (found !== undefined) return found
  throw nothingToTest(`no release of ${at.app} waits in maintenance`)
}

function nothingToTest(message: string): Refusal {
  return new Refusal('nothing-to-test', message, {
    status: 409,
    hint: 'deploy with a `maintenance` step and ask while the rollout is in it, or name a release that runs',
  })
}

/** At every host of the app's routes. */
function entrancesOf({ state, origins }: TestLinkRoutesOptions, at: AppCell): string[] {
  const { value: app } = requireApp(state, at)
  const { services } = viewOfApp(state.snapshot, app, { rates: () => null, origins })
  const urls = services.map(({ url }) => url).filter((url) => url !== null)
  return [...new Set(urls.map((url) => new URL(entrance, url).href))]
}

function viewOf(snapshot: Snapshot, link: TestLink): TestLinkView {
  const { id, at, releaseId, createdBy, createdAt, until } = link
  const release = releaseAt(snapshot, at, releaseId)
  const { number: releaseNumber = 0, version = '' } = release ?? {}
  return { id, releaseNumber, version, createdBy, createdAt, until }
}
