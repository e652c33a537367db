/** The parts of an app's page; each has its address. */
export const parts = ['services', 'instances', 'releases', 'configuration', 'jobs'] as const

export type AppPart = (typeof parts)[number]

export const partNames: Readonly<Record<AppPart, string>> = {
  services: 'Services',
  instances: 'Instances',
  releases: 'Releases',
  configuration: 'Configuration',
  jobs: 'Jobs and data',
}

/** The part that an address names; undefined where it names none. */
export function partOf(value: unknown): AppPart | undefined {
  return parts.find((part) => part === value)
}
