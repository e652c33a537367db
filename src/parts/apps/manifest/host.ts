/** What keeps a text from being a host name, and what would be right; undefined where it is one. */
export function hostProblem(host: string): readonly [message: string, hint: string] | undefined {
  if (/^[a-z]+:\/\//i.test(host)) {
    const [bare = ''] = host.replace(/^[a-z]+:\/\//i, '').split(/[/:?#]/)
    return [`\`${host}\` is an address, not a host`, `did you mean ${bare.toLowerCase()}?`]
  }
  if (host.includes('/')) {
    const [bare = ''] = host.split('/')
    return [
      `\`${host}\` has a path in it`,
      `write { host: ${bare}, path: /${host.slice(bare.length + 1)} }`,
    ]
  }
  if (/:\d+$/.test(host)) {
    const bare = host.replace(/:\d+$/, '')
    return [`\`${host}\` has a port in it; the port is the ingress's`, `did you mean ${bare}?`]
  }
  if (host.includes('*')) return [`\`${host}\` has a wildcard in it`, 'name one host']
  if (host !== host.toLowerCase())
    return [`\`${host}\` has capitals in it`, `did you mean ${host.toLowerCase()}?`]
  const labels = host.split('.')
  const isHost =
    host.length <= 253 && labels.every((label) => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/.test(label))
  return isHost ? undefined : [`\`${host}\` is no host name`, 'for instance shop.example.org']
}
