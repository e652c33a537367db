import type { TestLink } from './model.ts'

/** What is known of an app whose test links are looked at. */
export interface TestLinksView {
  readonly links: readonly TestLink[]
  /** Releases of which an instance has not ended. */
  readonly releases: ReadonlySet<string>
  /** Whether a rollout is under way: an instance that has ended may be replaced in a moment. */
  readonly isRolling: boolean
}

/** Which links go, each with its reason, and when the next one's time is over. */
export interface TestLinksPlan {
  readonly ended: readonly { readonly link: TestLink; readonly because: string }[]
  /** Wall ms. */
  readonly wakeAt: number | undefined
}

/** A test link ends with its time, or with the last instance that it could lead to. */
export function planTestLinks(
  { links, releases, isRolling }: TestLinksView,
  now: number,
): TestLinksPlan {
  const ended: { readonly link: TestLink; readonly because: string }[] = []
  let wakeAt = Infinity
  for (const link of links) {
    if (link.until < now) ended.push({ link, because: 'its time is over' })
    else if (!isRolling && !releases.has(link.releaseId)) {
      ended.push({ link, because: 'nothing of its release runs any more' })
    } else wakeAt = Math.min(wakeAt, link.until + 1)
  }
  return { ended, wakeAt: wakeAt === Infinity ? undefined : wakeAt }
}
