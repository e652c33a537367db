/** What there is to buy, and for how much. */
import { products } from './products.js'
import { serve } from './serve.js'

const version = process.env.VERSION ?? 'v1'
const number = Number(version.slice(1)) || 1
const headers = { 'x-version': version }
/** What is new stands in front. */
const shelf = products
  .filter(({ since = 1 }) => since <= number)
  .map(present)
  .toSorted((a, b) => Number(b.isNew ?? false) - Number(a.isNew ?? false))
const byId = new Map(shelf.map((product) => [product.id, product]))

/** Version 2 tells ratings. Version 3 is the broken one: it forgets the prices. */
function present({ since, rating, ...product }) {
  if (number >= 3) return { ...product, rating, isNew: since === number, cents: null }
  return number >= 2 ? { ...product, rating, isNew: since === number } : product
}

function matches(product, category, words) {
  if (category !== null && product.category !== category) return false
  const text = `${product.name} ${product.category} ${product.text}`.toLowerCase()
  return words.every((word) => text.includes(word))
}

serve('catalogue', [
  [
    'GET',
    '/products',
    ({ url }) => {
      const category = url.searchParams.get('category')
      const words = (url.searchParams.get('q') ?? '').toLowerCase().split(/\s+/).slice(0, 8)
      const items = shelf.filter((product) => matches(product, category, words))
      const categories = [...new Set(shelf.map((product) => product.category))]
      return { headers, json: { items, categories } }
    },
  ],
  [
    'GET',
    '/products/:id',
    ({ params }) => {
      const product = byId.get(params.id)
      if (product === undefined) return { status: 404, headers, json: { error: 'no such product' } }
      return { headers, json: product }
    },
  ],
])
