import { Button } from '@mantine/core'
import { Link, type ErrorComponentProps } from '@tanstack/react-router'
import { Empty, FailureNotice } from '../../marks/panel.tsx'
import styles from './session.module.css'

/** An address that leads nowhere. */
export function Lost() {
  return (
    <Empty title="There is nothing at this address">
      <Link to="/" search={{}}>
        Go to the overview
      </Link>
    </Empty>
  )
}

/** A page that could not be shown: the server is away, or a newer console is waiting. */
export function Broken({ error }: ErrorComponentProps) {
  return (
    <div className={styles.broken}>
      <FailureNotice error={error} />
      <Button variant="default" onClick={() => window.location.reload()}>
        Load the console again
      </Button>
    </div>
  )
}
