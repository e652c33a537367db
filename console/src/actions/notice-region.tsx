import { Link } from '@tanstack/react-router'
import { Icon } from '../marks/icon.tsx'
import { asSentence } from '../words/sentences.ts'
import { dismiss, useNotices, type Told } from './notices.ts'
import styles from './actions.module.css'

/** Says what the server has taken; it lies over the page, so that nothing jumps. */
export function NoticeRegion() {
  const notices = useNotices()
  return (
    <div className={styles.region} role="status">
      {notices.map(({ id, action, answer }) => (
        <div key={id} className={styles.told}>
          <Icon name="check" />
          <p>
            {answer.unchanged === true ? 'Nothing to do: it runs exactly this.' : action.done}{' '}
            {answer.heldBy !== undefined && asSentence(`It ${answer.heldBy.because}`)}{' '}
            {answer.notes?.map(asSentence).join(' ')} <Onwards action={action} answer={answer} />
          </p>
          <button type="button" onClick={() => dismiss(id)}>
            <Icon name="cross" />
            <span className="visually-hidden">Dismiss</span>
          </button>
        </div>
      ))}
    </div>
  )
}

function Onwards({ action, answer }: Told) {
  const { environment = '', tenant = '', app = '' } = action.params
  if (answer.rolloutId === undefined) return null
  return (
    <Link
      to="/rollouts/$environment/$tenant/$app/$id"
      params={{ environment, tenant, app, id: answer.rolloutId }}
    >
      Watch it
    </Link>
  )
}
