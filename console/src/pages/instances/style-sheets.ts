/**
 * xterm writes its colours and sizes into style elements, which the console's content security policy
 * forbids. What is made within `withoutStyleElements` gets stand-ins instead, that hand the text on to
 * style sheets made by script; those the policy allows.
 */

/** Runs `make` at once; returns the way to take its style sheets out of the page again. */
export function withoutStyleElements(make: () => void): () => void {
  const sheets = new Set<CSSStyleSheet>()
  const real = document.createElement.bind(document)
  document.createElement = ((name: string, options?: ElementCreationOptions) =>
    name === 'style' ? standIn(real('template'), sheets) : real(name, options)) as typeof real
  try {
    make()
  } finally {
    // The browser's own function stands on the prototype, and comes back with this.
    Reflect.deleteProperty(document, 'createElement')
  }
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => !sheets.has(one))
  }
}

/** An element that takes a style sheet's text where a style element would have it. */
function standIn(element: HTMLElement, sheets: Set<CSSStyleSheet>): HTMLElement {
  const sheet = new CSSStyleSheet()
  sheets.add(sheet)
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  Object.defineProperty(element, 'textContent', {
    set(text: string) {
      sheet.replaceSync(text)
    },
    get: () => '',
  })
  return element
}
