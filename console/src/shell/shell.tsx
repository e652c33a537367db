import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { NoticeRegion } from '../actions/notice-region.tsx'
import { useCells } from '../api/cells.ts'
import { sessionQuery, trafficQuery } from '../api/queries.ts'
import { followChanges } from '../api/follow.ts'
import { signOut } from '../api/session.ts'
import { Icon } from '../marks/icon.tsx'
import { PaletteKeys } from '../palette/palette-keys.tsx'
import { ConnectionMark, StaleBanner } from './connection.tsx'
import { HarbourMark } from './harbour-mark.tsx'
import { pages } from './pages.ts'
import { SchemeToggle } from './scheme-toggle.tsx'
import styles from './shell.module.css'

/** The frame of every page behind the login: where one is, whether what one sees is fresh. */
export function Shell() {
  const client = useQueryClient()
  useEffect(() => followChanges(client), [client])
  // Asked for on every page, so that the charts have their minutes wherever one comes from.
  useQuery(trafficQuery)
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content">
        Skip to the content
      </a>
      <header className={styles.header}>
        <div className={styles.bar}>
          <Link to="/" search={{}} className={styles.brand} aria-label="Roadstead, overview">
            <HarbourMark />
            <span className={styles.name}>Roadstead</span>
          </Link>
          <CellName />
          <Pages />
          <div className={styles.tools}>
            <ConnectionMark />
            <PaletteKeys />
            <SchemeToggle />
            <SignOut />
          </div>
        </div>
      </header>
      <StaleBanner />
      <Content />
      <NoticeRegion />
    </div>
  )
}

/** The page; it takes the focus when another one has come, so that readers begin at its top. */
function Content() {
  const { pathname } = useLocation()
  const main = useRef<HTMLElement>(null)
  const shown = useRef(pathname)
  useEffect(() => {
    if (shown.current === pathname) return
    shown.current = pathname
    main.current?.focus({ preventScroll: true })
  }, [pathname])
  return (
    <main id="content" ref={main} className={styles.content} tabIndex={-1}>
      <Outlet />
    </main>
  )
}

function Pages() {
  return (
    <nav className={styles.nav} aria-label="Pages">
      {pages.map(({ name, href }) => (
        <Link
          key={href}
          to={href}
          search={{}}
          activeOptions={{ exact: href === '/', includeSearch: false }}
        >
          {name}
        </Link>
      ))}
      <a href="/docs">API docs</a>
    </nav>
  )
}

/** The one cell there is, or how many. */
function CellName() {
  const cells = useCells()
  if (cells.length === 0) return null
  return (
    <span className={styles.cell} title="environment/tenant">
      {cells.length === 1 ? cells[0] : `${cells.length} cells`}
    </span>
  )
}

function SignOut() {
  const client = useQueryClient()
  const navigate = useNavigate()
  const { data: session } = useQuery(sessionQuery)
  const leave = async (): Promise<void> => {
    await signOut()
    client.clear()
    await navigate({ to: '/login', search: {} })
  }
  const label = `Sign out ${session?.name ?? ''}`
  return (
    <button type="button" className={styles.tool} onClick={() => void leave()} title={label}>
      <Icon name="leave" />
      <span className="visually-hidden">{label}</span>
    </button>
  )
}
