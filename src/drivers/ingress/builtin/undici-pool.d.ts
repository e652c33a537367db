/**
 * undici's pool alone: `undici` itself would load fetch, WebSocket, cache and mocks as well, 10 MB of
 * memory that a process on every node does not need. The version is pinned by package.json.
 */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici'
  export default Pool
}
