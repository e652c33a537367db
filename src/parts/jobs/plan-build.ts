import { buildExits } from '../../wire/builds.ts'

/** What a build's exit code says of it: in words, and whether another attempt would end the same. */
export function buildEnd(exitCode: number): { how: string; isHopeless: boolean } {
  switch (exitCode) {
    case buildExits.failed:
      return { how: 'a step of it failed', isHopeless: true }
    case buildExits.notPushed:
      return { how: 'the registry did not take its image', isHopeless: false }
    case buildExits.noEngine:
      return { how: 'its Docker Engine did not answer', isHopeless: false }
    default:
      return { how: `exit code ${exitCode}`, isHopeless: false }
  }
}
