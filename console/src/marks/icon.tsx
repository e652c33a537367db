import type { ReactNode } from 'react'
import styles from './marks.module.css'

/** The console's own few signs; always beside a word, so that they are hidden from readers. */

const shapes = {
  check: <path d="M3.5 8.4l3 3 6-6.6" />,
  cross: <path d="M4.2 4.2l7.6 7.6M11.8 4.2l-7.6 7.6" />,
  warning: <path d="M8 2.6l6 10.6H2zM8 6.6v3M8 11.35v.1" />,
  moving: <path d="M2.5 8h9.5M8.5 4.3 12.2 8l-3.7 3.7" />,
  back: <path d="M13.5 8H4M7.5 4.3 3.8 8l3.7 3.7" />,
  pause: <path d="M5.7 4v8M10.3 4v8" />,
  queue: <path d="M8 4.2V8l2.5 1.6M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0" />,
  external: <path d="M6.5 3.5h-3v9h9v-3M9.5 3h3.5v3.5M12.7 3.3 7.5 8.5" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="2.7" />
      <path d="M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3" />
      <path d="M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9" />
    </>
  ),
  moon: <path d="M13.2 9.7A5.6 5.6 0 0 1 6.3 2.8a5.6 5.6 0 1 0 6.9 6.9" />,
  search: <path d="M11.2 11.2 14 14M12.2 7.2a5 5 0 1 1-10 0 5 5 0 0 1 10 0" />,
  leave: <path d="M6.5 2.8H3.3v10.4h3.2M7 8h6.5M10.7 5.2 13.5 8l-2.8 2.8" />,
} satisfies Record<string, ReactNode>

export type IconName = keyof typeof shapes

/** A sign of the text's size and colour. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className={styles.icon} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {shapes[name]}
    </svg>
  )
}
