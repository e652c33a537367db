import { lazy, Suspense, useEffect, useState } from 'react'
import { Icon } from '../marks/icon.tsx'
import styles from '../shell/shell.module.css'

/** The small part of the palette that is always there: its button and its keys. */

type Shown = 'palette' | 'help'

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }))
const KeyboardHelp = lazy(async () => ({
  default: (await import('./keyboard-help.tsx')).KeyboardHelp,
}))

export function PaletteKeys() {
  const [shown, setShown] = useState<Shown>()
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const wanted = wantedBy(event)
      if (wanted === undefined) return
      event.preventDefault()
      setShown(wanted)
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
  const close = (): void => setShown(undefined)
  return (
    <>
      <button
        type="button"
        className={styles.tool}
        onClick={() => setShown('palette')}
        title="Search (Ctrl K)"
      >
        <Icon name="search" />
        <span className="visually-hidden">Search</span>
      </button>
      <Suspense fallback={null}>
        {shown === 'palette' && <Palette onClose={close} />}
        {shown === 'help' && <KeyboardHelp onClose={close} />}
      </Suspense>
    </>
  )
}

/** What a key asks for; nothing where somebody is typing, or a dialog is open already. */
function wantedBy(event: KeyboardEvent): Shown | undefined {
  if (document.querySelector('dialog[open]') !== null) return undefined
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') return 'palette'
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return undefined
  if (event.key === '/') return 'palette'
  return event.key === '?' ? 'help' : undefined
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}
