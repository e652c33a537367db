import { useQuery } from '@tanstack/react-query'
import { runQuery } from '../api/app-queries.ts'
import { Printed } from './printed.tsx'
import { FailureNotice } from './panel.tsx'
import { asSentence } from '../words/sentences.ts'

/** The end of what a run printed, live while it runs. */
export function RunOutput({ id }: { readonly id: string }) {
  const { data, error } = useQuery(runQuery(id))
  if (error !== null && data === undefined) return <FailureNotice error={error} />
  if (data === undefined)
    return <Printed label={`Output of ${id}`} lines={[]} nothing="Reading…" isShort />
  return (
    <Printed
      label={`Output of ${id}`}
      lines={data.output}
      isShort
      nothing={asSentence(data.run.endedAt === null ? data.run.because : 'it printed nothing')}
    />
  )
}
