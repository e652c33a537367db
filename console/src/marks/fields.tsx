import { useEffect, useRef } from 'react'
import { Icon } from './icon.tsx'
import styles from './fields.module.css'

/** Fields that narrow a list; what is chosen stands in the address. */

/** Typing pauses this long before the server is asked, in ms. */
const typingMs = 180

/** A text that is asked for as one types. */
export function TextField(props: {
  readonly label: string
  readonly text: string | undefined
  readonly onChange: (text: string | undefined) => void
}) {
  const field = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  // The address leads: going back changes what stands in the field.
  useEffect(() => {
    const own = field.current
    if (own !== null && own !== document.activeElement) own.value = props.text ?? ''
  }, [props.text])
  const seek = (text: string): void => {
    clearTimeout(timer.current)
    const next = text === '' ? undefined : text
    timer.current = setTimeout(() => props.onChange(next), typingMs)
  }
  return (
    <input
      ref={field}
      type="search"
      className={styles.text}
      placeholder={props.label}
      aria-label={props.label}
      maxLength={256}
      defaultValue={props.text}
      onChange={(event) => seek(event.currentTarget.value)}
    />
  )
}

/** One of a few words. */
export function Choice(props: {
  readonly label: string
  readonly value: string
  readonly all?: string
  readonly options: readonly (readonly [value: string, word: string])[]
  readonly onChange: (value: string | undefined) => void
}) {
  return (
    <select
      className={styles.choice}
      aria-label={props.label}
      value={props.value}
      onChange={({ currentTarget: { value } }) => props.onChange(value === '' ? undefined : value)}
    >
      {props.all !== undefined && <option value="">{props.all}</option>}
      {props.options.map(([value, word]) => (
        <option key={value} value={value}>
          {word}
        </option>
      ))}
    </select>
  )
}

/** What narrows the view, with the way to take it away. */
export function Chip(props: {
  readonly text: string
  readonly label: string
  readonly onRemove: () => void
}) {
  return (
    <span className={styles.chip}>
      {props.text}
      <button type="button" onClick={props.onRemove} title={props.label} aria-label={props.label}>
        <Icon name="cross" />
      </button>
    </span>
  )
}
