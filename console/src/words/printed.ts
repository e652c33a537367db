/** What programs print, made fit to be read: it may hold anything. */

/** Characters of one line that are shown: a megabyte in a row would freeze the page. */
const shownMax = 4_000

// oxlint-disable-next-line no-control-regex -- these are what is taken out
const escapes = /\u001B(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[@-Z\\-_])/g
// oxlint-disable-next-line no-control-regex -- likewise; direction marks would turn the line around
const unseen = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g

/** Without terminal codes and what cannot be seen; cut, with how much is missing. */
export function printable(text: string): string {
  const isLong = text.length > shownMax
  const plain = text.slice(0, shownMax).replaceAll(escapes, '').replaceAll(unseen, '')
  if (!isLong) return plain
  return `${plain} … (${(text.length - shownMax).toLocaleString('en')} more characters)`
}
