/** The pages that the header leads to, in its order. */
export const pages = [
  { name: 'Overview', href: '/' },
  { name: 'Rollouts', href: '/rollouts' },
  { name: 'Nodes', href: '/nodes' },
  { name: 'Logs', href: '/logs' },
  { name: 'Events', href: '/events' },
  { name: 'Control loops', href: '/loops' },
  { name: 'Settings', href: '/settings' },
] as const
