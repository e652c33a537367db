import { Dialog } from '../actions/dialog.tsx'
import styles from './palette.module.css'

const keys = [
  ['Ctrl K or ⌘ K', 'Go anywhere, or do something'],
  ['/', 'The same, to search'],
  ['?', 'These keys'],
  ['↑ ↓ Enter', 'Choose from what is found, and take it'],
  ['Arrows, Home, End', 'From cell to cell in the matrix, from node to node in a zone'],
  ['Esc', 'Leave a dialog'],
  ['Tab', 'From one control to the next'],
] as const

/** What the keyboard does. */
export function KeyboardHelp({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className={styles.keys}>
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
