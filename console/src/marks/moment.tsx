import { ago, fullTime, useNow } from '../words/times.ts'

/** An instant, as people say it; the exact time is in its tooltip. */
export function Moment({ at }: { readonly at: number }) {
  const now = useNow()
  return (
    <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {ago(at, now)}
    </time>
  )
}
