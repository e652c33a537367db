import { useEffect, useId, useRef, type ReactNode } from 'react'
import { createPortal } from 'react-dom'
import { Icon } from '../marks/icon.tsx'
import styles from './actions.module.css'

/** The browser's own dialog: it keeps the focus inside, and gives it back to where it was. */
export function Dialog(props: {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
  readonly isWide?: boolean
}) {
  const id = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const own = dialog.current
    if (own === null || own.open) return
    own.showModal()
    own.querySelector<HTMLElement>('[data-autofocus]')?.focus()
  }, [])
  // Not where the button stands: a dialog in a table's cell would have the cell's looks.
  return createPortal(
    <dialog
      ref={dialog}
      className={styles.dialog}
      data-wide={props.isWide}
      aria-labelledby={id}
      onClose={props.onClose}
      // The ground around the dialog is the dialog element itself.
      onClick={(event) => event.target === event.currentTarget && dialog.current?.close()}
    >
      <div className={styles.sheet}>
        <header className={styles.head}>
          <h2 id={id}>{props.title}</h2>
          <button type="button" onClick={() => dialog.current?.close()}>
            <Icon name="cross" />
            <span className="visually-hidden">Close</span>
          </button>
        </header>
        {props.children}
      </div>
    </dialog>,
    document.body,
  )
}
