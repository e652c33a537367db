import { Button } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { eventsQuery } from '../api/queries.ts'
import { Moment } from '../marks/moment.tsx'
import { asSentence } from '../words/sentences.ts'
import styles from './actions.module.css'

/** Commits that are looked through for what changed, and those that are told. */
const lookedThrough = 100
const toldMax = 3

/** Somebody else was quicker, or it stands differently from what was seen: what changed there last. */
export function Conflict(props: {
  readonly subject: string | undefined
  readonly onLookAgain: () => void
}) {
  const client = useQueryClient()
  const { data: events } = useQuery(eventsQuery(lookedThrough))
  const [environment, tenant, app] = (props.subject ?? '').split('/')
  const place = `/${tenant}/${environment}/${app}/`
  const own = events?.filter(({ keys }) => keys.some((key) => key.includes(place)))
  const lookAgain = (): void => {
    void client.invalidateQueries()
    props.onLookAgain()
  }
  return (
    <div className={styles.conflict}>
      {own !== undefined && own.length > 0 && (
        <>
          <h3>What changed there last</h3>
          <ul>
            {own.slice(0, toldMax).map(({ revision, who, why, at }) => (
              <li key={revision}>
                <b>{who}</b> {asSentence(why)} <Moment at={at} />
              </li>
            ))}
          </ul>
        </>
      )}
      <Button size="xs" variant="default" onClick={lookAgain}>
        Look again
      </Button>
    </div>
  )
}
