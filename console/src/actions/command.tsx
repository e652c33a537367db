import { useState } from 'react'
import styles from './actions.module.css'

/** How long the button says that it has copied, in ms. */
const copiedMs = 1_500

/** The same in a terminal, to be copied. */
export function Command({
  text,
  label = 'The same in a terminal',
}: {
  readonly text: string
  readonly label?: string
}) {
  const [isCopied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    // Only where the page comes safely: elsewhere people mark it by hand.
    await navigator.clipboard?.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), copiedMs)
  }
  return (
    <div className={styles.terminal}>
      <span>{label}</span>
      <code>{text}</code>
      {isSecureContext && (
        <button type="button" onClick={() => void copy()}>
          {isCopied ? 'Copied' : 'Copy'}
        </button>
      )}
    </div>
  )
}
