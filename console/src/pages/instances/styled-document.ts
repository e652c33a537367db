/**
 * The document as xterm is given it. xterm writes its colours and sizes into style elements, which
 * the console's content security policy forbids; here they become style sheets made by script, which
 * it allows, and nothing else changes.
 */

export interface StyledDocument {
  readonly document: Document
  /** Takes the style sheets out of the page again. */
  readonly dispose: () => void
}

export function styledDocument(): StyledDocument {
  const sheets = new Set<CSSStyleSheet>()
  const createElement = (name: string): HTMLElement =>
    name === 'style' ? standIn(sheets) : document.createElement(name)
  const wrapped = new Proxy(document, {
    get(target, property) {
      if (property === 'createElement') return createElement
      const value: unknown = Reflect.get(target, property, target)
      // Called on the proxy, the browser's own functions would not know their document.
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return {
    document: wrapped,
    dispose: () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => !sheets.has(one))
    },
  }
}

/** An element that takes a style sheet's text where a style element would have it. */
function standIn(sheets: Set<CSSStyleSheet>): HTMLElement {
  const sheet = new CSSStyleSheet()
  sheets.add(sheet)
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  const element = document.createElement('template')
  Object.defineProperty(element, 'textContent', {
    set: (text: string) => sheet.replaceSync(text),
    get: () => '',
  })
  return element
}
