/** The shop that customers see: pages from the catalogue, a cart in a cookie, orders by checkout. */
import { call } from './call.js'
import {
  cartPage,
  checkoutPage,
  listPage,
  page,
  productPage,
  sorryPage,
  thanksPage,
} from './pages.js'
import { serve } from './serve.js'

/** What a cart may hold. */
const linesMax = 20
const quantityMax = 99

const version = process.env.VERSION ?? 'v1'

/** Answers a page; the frame is the same everywhere. */
function show(content, { status = 200, headers = {}, ...frame } = {}) {
  return {
    status,
    headers: { 'x-version': version, ...headers },
    html: page({ ...content, ...frame }),
  }
}

function seeOther(location, headers = {}) {
  return { status: 303, headers: { location, ...headers }, html: '' }
}

/** `cart=lantern:2.mug:1` → a map of quantities; whatever else stands there is ignored. */
function cartOf(headers) {
  const [, text = ''] = /(?:^|;\s*)cart=([a-z0-9:.-]*)/.exec(headers.cookie ?? '') ?? []
  const entries = text.split('.').flatMap((entry) => {
    const [, id, quantity] = /^([a-z0-9-]{1,40}):(\d{1,2})$/.exec(entry) ?? []
    return id === undefined || Number(quantity) === 0 ? [] : [[id, Number(quantity)]]
  })
  return new Map(entries.slice(0, linesMax))
}

function cartCookie(cart) {
  const text = [...cart].map(([id, quantity]) => `${id}:${quantity}`).join('.')
  return { 'set-cookie': `cart=${text}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax` }
}

function countOf(cart) {
  return [...cart.values()].reduce((sum, quantity) => sum + quantity, 0)
}

/** The cart's lines as the catalogue prices them now; what cannot be bought any more is left out. */
async function linesOf(cart) {
  const found = await Promise.all(
    [...cart].map(async ([id, quantity]) => {
      const { status, body } = await call('GET', process.env.CATALOGUE_URL, `/products/${id}`)
      if (status !== 200 || !Number.isInteger(body.cents)) return []
      return [{ id, name: body.name, cents: body.cents, quantity }]
    }),
  )
  return found.flat()
}

/** Runs a handler; when a service behind it does not answer, the customer gets a page all the same. */
function withPage(handle) {
  return async (request) => {
    const cart = cartOf(request.headers)
    try {
      return await handle({ ...request, cart })
    } catch (error) {
      console.error(`storefront: ${request.url.pathname}: ${error.message}`)
      const content = sorryPage('A part of our shop does not answer. Please try again in a moment.')
      return show(content, { status: 503, cartCount: countOf(cart) })
    }
  }
}

async function list({ url, cart }) {
  const query = (url.searchParams.get('q') ?? '').trim().slice(0, 100)
  const category = url.searchParams.get('category') ?? undefined
  const search = new URLSearchParams({ q: query, ...(category === undefined ? {} : { category }) })
  const { status, body } = await call('GET', process.env.CATALOGUE_URL, `/products?${search}`)
  if (status !== 200) throw new Error(`the catalogue answered ${status}`)
  const { items, categories } = body
  const cartCount = countOf(cart)
  return show(listPage({ items, category, query }), { categories, category, query, cartCount })
}

async function product({ params, cart }) {
  const path = `/products/${encodeURIComponent(params.id)}`
  const { status, body } = await call('GET', process.env.CATALOGUE_URL, path)
  const cartCount = countOf(cart)
  if (status === 404) return show(sorryPage('We do not sell this any more.'), { status, cartCount })
  if (status !== 200) throw new Error(`the catalogue answered ${status}`)
  return show(productPage(body), { cartCount })
}

function addToCart({ body, cart }) {
  const id = body instanceof URLSearchParams ? (body.get('id') ?? '') : ''
  if (!/^[a-z0-9-]{1,40}$/.test(id)) return seeOther('/cart')
  if (cart.has(id) || cart.size < linesMax) {
    cart.set(id, Math.min(quantityMax, (cart.get(id) ?? 0) + 1))
  }
  return seeOther('/cart', cartCookie(cart))
}

async function order({ body, cart }) {
  const lines = await linesOf(cart)
  const cartCount = countOf(cart)
  if (lines.length === 0) return seeOther('/cart')
  const form = body instanceof URLSearchParams ? body : new URLSearchParams()
  const customer = Object.fromEntries(
    ['name', 'email', 'address'].map((field) => [field, (form.get(field) ?? '').slice(0, 300)]),
  )
  const { status, body: made } = await call('POST', process.env.CHECKOUT_URL, '/orders', {
    lines,
    customer,
  })
  if (status === 201) return show(thanksPage(made), { headers: cartCookie(new Map()) })
  if (status >= 500) throw new Error(`checkout answered ${status}`)
  return show(checkoutPage(lines, made.error), { status, cartCount })
}

serve(
  'storefront',
  [
    ['GET', '/', withPage(list)],
    ['GET', '/p/:id', withPage(product)],
    [
      'GET',
      '/cart',
      withPage(async ({ cart }) =>
        show(cartPage(await linesOf(cart)), { cartCount: countOf(cart) }),
      ),
    ],
    ['POST', '/cart', withPage(addToCart)],
    [
      'GET',
      '/checkout',
      withPage(async ({ cart }) => {
        const lines = await linesOf(cart)
        if (lines.length === 0) return seeOther('/cart')
        return show(checkoutPage(lines), { cartCount: countOf(cart) })
      }),
    ],
    ['POST', '/checkout', withPage(order)],
  ],
  // For rehearsals: a version that starts and never gets healthy.
  () => version !== 'never-healthy',
)
