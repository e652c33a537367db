/**
 * What of an instance's environment changes how programs are loaded, or what a shell does before its
 * first line. The agent's own programs stand between it and an isolated instance, as root where it is
 * root: they never see these; the instance's program gets them from `env`, as its own user.
 */
const meantForLoaders =
  /^(?:LD_|GLIBC_|GCONV_|MALLOC_|BASH|SHELLOPTS$|PS4$|ENV$|IFS$|LOCPATH$|NLSPATH$)/

/** An environment in two: for all programs on the way, and as words before the instance's own command. */
export function splitEnvironment(env: Readonly<Record<string, string>>): {
  readonly early: Record<string, string>
  readonly late: readonly string[]
} {
  const early: Record<string, string> = {}
  const late: string[] = []
  for (const [name, value] of Object.entries(env)) {
    if (meantForLoaders.test(name)) late.push(`${name}=${value}`)
    else early[name] = value
  }
  return { early, late: late.length === 0 ? [] : ['/usr/bin/env', ...late] }
}
