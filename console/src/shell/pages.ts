/** The pages that the header leads to, in its order. */
export const pages = [
  { name: 'Overview', href: '/' },
  { name: 'Rollouts', href: '/rollouts' },
  { name: 'Nodes', href: '/nodes' },
  { name: 'Logs', href: '/logs' },
] as const
