/** The product's mark: an anchor, its flukes a stretch of sheltered water. */
export function HarbourMark({ size = 26 }: { readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 28 28"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.1"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <circle cx="14" cy="5.8" r="2.5" />
      <path d="M14 8.3v15.4M9.6 12h8.8" />
      <path d="M4.3 16.3c.8 4.5 4.6 7.4 9.7 7.4s8.9-2.9 9.7-7.4" />
      <path d="M2.6 18.8l1.7-2.5 2.6 1.6M25.4 18.8l-1.7-2.5-2.6 1.6" />
    </svg>
  )
}
