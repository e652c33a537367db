import { useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { Icon } from '../marks/icon.tsx'
import styles from './shell.module.css'

/** Dark or light; until it is pressed the system's choice is followed. */
export function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const other = scheme === 'dark' ? 'light' : 'dark'
  const label = `Switch to ${other} colours`
  return (
    <button
      type="button"
      className={styles.tool}
      onClick={() => setColorScheme(other)}
      title={label}
    >
      <Icon name={other === 'dark' ? 'moon' : 'sun'} />
      <span className="visually-hidden">{label}</span>
    </button>
  )
}
