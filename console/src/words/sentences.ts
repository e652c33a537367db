/** What the server tells in small letters, as people write it. */

/** `Tests run against the maintenance pool` */
export function capitalised(text: string): string {
  const [first = '', ...rest] = text
  return first.toUpperCase() + rest.join('')
}

/** `shop: …`, `shop ro-7k3m9q2x: …`, `web i-0yce35wc goes …`, `ro-7k3m9q2x waits`: names are names. */
const beginsWithName = /^(\S+(:| [a-z]+-[a-z\d]{8}[: ])|[a-z]+-[a-z\d]{8}\b)/

/** `Scaled storefront from 3 to 4.` */
export function asSentence(text: string): string {
  const sentence = beginsWithName.test(text) ? text : capitalised(text)
  return sentence === '' || /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}
