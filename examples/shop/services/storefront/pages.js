/** The pages, as functions of what they show. */
import { pictureOf } from './art.js'
import { styleOf } from './style.js'

const version = process.env.VERSION ?? 'v1'
const style = styleOf(version)
const isAutumn = version !== 'v1'

/** What the head of each page leads to; the catalogue may know more. */
const shelves = ['light', 'galley', 'clothes', 'instruments', 'home']

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text as it may stand in HTML. */
export function escape(text) {
  return String(text).replaceAll(/[&<>"']/g, (character) => escapes[character])
}

function money(cents) {
  return Number.isInteger(cents) ? `€ ${(cents / 100).toFixed(2)}` : '—'
}

const mark = `<svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="16" fill="currentColor"/>
  <path d="M16 6v18M11 11h10M7 18c1 5 5 7 9 7s8-2 9-7" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round"/></svg>`

const waves = `<svg viewBox="0 0 420 240" preserveAspectRatio="xMaxYMax slice" aria-hidden="true">
  <circle cx="300" cy="70" r="42" fill="#ffffff55"/>
  <path d="M230 150l70-96v96zM308 70v80h52z" fill="#ffffffb0"/><path d="M214 160h164l-26 30h-110z" fill="#ffffff90"/>
  <path d="M0 240c50 0 60-44 100-44 24 0 30 8 50 4s50 12 75-4 50 16 80 0 50 16 75 0 30 8 40 0v44z" fill="#ffffff40"/></svg>`

/** A whole page around its content. */
export function page({
  title,
  content,
  categories = shelves,
  category,
  query = '',
  cartCount = 0,
}) {
  const links = categories
    .map((name) => {
      const current = name === category ? ' aria-current="page"' : ''
      return `<a href="/?category=${encodeURIComponent(name)}"${current}>${escape(name)}</a>`
    })
    .join('')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Lantern &amp; Line</title><link rel="icon" href="data:,"><style>${style}</style></head>
<body><header class="bar"><div class="in">
<a class="brand" href="/">${mark}Lantern &amp; Line</a><nav aria-label="Categories">${links}</nav>
<form class="search" action="/" role="search"><input name="q" value="${escape(query)}" placeholder="Search the shop" aria-label="Search"></form>
<a class="cart-link" href="/cart">Cart<b>${cartCount}</b></a>
</div></header><main>${content}</main>
<footer><div class="in"><span>Lantern &amp; Line: goods for the shore and the sea</span><span>shop ${escape(version)}</span></div></footer>
</body></html>`
}

function hero() {
  if (!isAutumn) {
    return `<section class="hero"><h1>Made for weather</h1>
<p>Lamps, wool and brass from people who still know which way the wind blows.</p>${waves}</section>`
  }
  return `<section class="hero"><span class="tag">Autumn edition</span><h1>The evenings draw in</h1>
<p>Three new things for long nights, and what those who bought it think of everything else.</p>${waves}</section>`
}

function stars(rating) {
  return rating === undefined ? '' : `<span class="stars">★ ${Number(rating).toFixed(1)}</span>`
}

function art({ id, isNew }) {
  return `<div class="art">${isNew ? '<span class="tag">New</span>' : ''}${pictureOf(id)}</div>`
}

function card(product) {
  return `<a class="card" href="/p/${encodeURIComponent(product.id)}">${art(product)}
<div class="body"><span class="name">${escape(product.name)}</span>${stars(product.rating)}<span class="price">${money(product.cents)}</span></div></a>`
}

export function listPage({ items, category, query }) {
  const cards = items.map(card).join('')
  const nothing = `<p class="notice">Nothing here matches “${escape(query)}”. <a href="/">See everything</a>.</p>`
  const isFront = category === undefined && query === ''
  const title = query === '' ? (category ?? 'All goods') : `Results for “${query}”`
  const head = isFront ? hero() : `<h1 style="text-transform: capitalize">${escape(title)}</h1>`
  return {
    title,
    content: `${head}${items.length === 0 ? nothing : `<div class="grid">${cards}</div>`}`,
  }
}

export function productPage(product) {
  const { id, name, category, text, cents, rating } = product
  const buy = Number.isInteger(cents)
    ? `<form method="post" action="/cart" class="row"><input type="hidden" name="id" value="${escape(id)}">
<button class="button">Put into the cart</button></form>`
    : '<p class="notice">This cannot be bought right now.</p>'
  return {
    title: name,
    content: `<div class="product">${art(product)}<div>
<a class="muted" style="text-transform: capitalize" href="/?category=${encodeURIComponent(category)}">${escape(category)}</a>
<h1>${escape(name)}</h1>${stars(rating)}<p>${escape(text)}</p><div class="price">${money(cents)}</div>${buy}
<p class="muted">With you in two working days. Thirty days to change your mind.</p></div></div>`,
  }
}

function table(lines) {
  const rows = lines
    .map(
      ({ name, quantity, cents }) =>
        `<tr><td>${escape(name)}</td><td class="number">${quantity}</td><td class="number">${money(cents * quantity)}</td></tr>`,
    )
    .join('')
  const total = lines.reduce((sum, { cents, quantity }) => sum + cents * quantity, 0)
  return `<table><thead><tr><th>What</th><th class="number">How many</th><th class="number">Price</th></tr></thead>
<tbody>${rows}</tbody><tfoot><tr><td colspan="2">Total</td><td class="number price">${money(total)}</td></tr></tfoot></table>`
}

export function cartPage(lines) {
  if (lines.length === 0) {
    const content =
      '<h1>Your cart</h1><p class="notice">It is empty. <a href="/">Have a look around</a>.</p>'
    return { title: 'Cart', content }
  }
  return {
    title: 'Cart',
    content: `<h1>Your cart</h1><div class="panel">${table(lines)}
<div class="row"><a class="button" href="/checkout">To the checkout</a><a class="button light" href="/">Go on looking</a></div></div>`,
  }
}

export function checkoutPage(lines, fault) {
  const notice = fault === undefined ? '' : `<p class="notice">${escape(fault)}</p>`
  return {
    title: 'Checkout',
    content: `<h1>Checkout</h1>${notice}<div class="two"><form class="panel" method="post" action="/checkout">
<label>Name<input name="name" autocomplete="name" required maxlength="100"></label>
<label>E-mail<input name="email" type="email" autocomplete="email" required maxlength="200"></label>
<label>Address<input name="address" autocomplete="street-address" required maxlength="300"></label>
<button class="button">Order and pay</button></form><div class="panel">${table(lines)}</div></div>`,
  }
}

export function thanksPage({ number, cents, tracking, arrival }) {
  return {
    title: 'Thank you',
    content: `<h1>Thank you!</h1><div class="panel"><p>Your order <strong data-order="${escape(number)}">${escape(number)}</strong>
over ${money(cents)} is on its way and will be with you by <strong>${escape(arrival)}</strong>.</p>
<p class="muted">Tracking number ${escape(tracking)}. A confirmation follows by e-mail.</p><a class="button" href="/">Back to the shop</a></div>`,
  }
}

export function sorryPage(sentence) {
  return {
    title: 'One moment',
    content: `<h1>One moment, please</h1><p class="notice">${escape(sentence)}</p><p><a class="button" href="/">To the front page</a></p>`,
  }
}
