import { runJourneys } from '../journeys/run-journeys.ts'

/** The entry of what agents run for a release's step `journeys`: the time of each in ms, NAME=SCRIPT. */
const [limitMs = '', ...journeys] = process.argv.slice(2)
const code = await runJourneys(Number(limitMs), journeys, process.env, process.cwd())
// A journey may have left something behind that would keep this process.
process.exit(code)
