/** What the server tells in small letters, as people write it. */

/** `Tests run against the maintenance pool` */
export function capitalised(text: string): string {
  const [first = '', ...rest] = text
  return first.toUpperCase() + rest.join('')
}

/** `Scaled storefront from 3 to 4.` */
export function asSentence(text: string): string {
  const sentence = capitalised(text)
  return sentence === '' || /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}
