import 'react'

declare module 'react' {
  /** Custom properties are styles too; React sets them by the CSSOM, which the policy permits. */
  interface CSSProperties {
    [property: `--${string}`]: string | number | undefined
  }
}
