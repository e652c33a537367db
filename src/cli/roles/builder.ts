import { runBuild } from '../builder/run-build.ts'

/** The entry of what agents run for a build of an image; its working directory is the context. */
process.exitCode = await runBuild(process.env, process.cwd())
