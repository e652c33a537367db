/**
 * Builds of images, as both sides name them, apart from schemas: what builds on a node loads none.
 */

/** What runs a build: each agent that may build has it, and no manifest can name it. */
export const buildProgram = 'roadstead-build'

/** How it ends, beside 0. */
export const buildExits = {
  /** A step of the Dockerfile failed, or its base image is not to be had: it would fail again. */
  failed: 11,
  /** The registry did not take the image. */
  notPushed: 12,
  /** The Docker Engine did not answer, or went away. */
  noEngine: 13,
} as const

/** What it is told by its environment, beside what to build. */
export const buildVariables = {
  /** JSON of the build's order. */
  order: 'ROADSTEAD_BUILD',
  /** The engine's socket. */
  engine: 'ROADSTEAD_BUILD_ENGINE',
  /** The file with credentials for registries; missing: none. */
  credentials: 'ROADSTEAD_BUILD_CREDENTIALS',
  /** A folder in which it notes what it has built, so that the oldest can go. */
  notes: 'ROADSTEAD_BUILD_NOTES',
} as const
