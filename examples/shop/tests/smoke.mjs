/**
 * What a release of the shop has to show before customers meet it. ROADSTEAD_TARGET_NAME is given
 * for each service that the release changes and leads to its new instances. A service that is not
 * named has nothing to show; one that is named has to answer.
 */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

const timeoutMs = 5_000
/** How long a new instance may take to be known to the ingress; it is healthy before it is. */
const patienceMs = 2_000

async function ask(url, path, options = {}) {
  const signal = AbortSignal.timeout(timeoutMs)
  return fetch(new URL(path, url), { redirect: 'manual', signal, ...options })
}

/** The ingress hears of a new instance a moment after the server: the first answer may be late. */
async function untilHealthy(url) {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const answer = await ask(url, '/healthz').then(
      ({ status }) => `answers ${status}`,
      ({ cause, message }) => `does not answer: ${cause?.message ?? message}`,
    )
    if (answer === 'answers 200') return
    assert.ok(Date.now() < deadline, `${url}/healthz ${answer}`)
    await setTimeout(100)
  }
}

async function testCatalogue(url) {
  const response = await ask(url, '/products')
  assert.equal(response.status, 200, 'the catalogue lists its products')
  const { items } = await response.json()
  assert.ok(items.length >= 9, `nine products at the least, not ${items.length}`)
  for (const { id, name, cents } of items) {
    assert.ok(name, `${id} has a name`)
    assert.ok(Number.isInteger(cents) && cents > 0, `${id} has a price, not ${cents}`)
  }
  const found = await (await ask(url, '/products?q=wool')).json()
  assert.deepEqual(
    found.items.map(({ id }) => id),
    ['blanket'],
    'the search finds the blanket',
  )
}

async function testStorefront(url) {
  const front = await ask(url, '/')
  assert.equal(front.status, 200, 'the front page answers')
  const html = await front.text()
  assert.match(html, /Brass storm lantern/, 'the front page shows the lantern')
  assert.match(html, /€ \d+\.\d\d/, 'the front page shows prices')
  assert.equal((await ask(url, '/p/lantern')).status, 200, "the lantern's page answers")
  assert.equal((await ask(url, '/p/no-such-thing')).status, 404, 'what is not sold is not found')
  await buy(url)
}

async function buy(url) {
  const added = await ask(url, '/cart', {
    method: 'POST',
    body: new URLSearchParams({ id: 'mug' }),
  })
  assert.equal(added.status, 303, 'the mug goes into the cart')
  const cookie = added.headers.get('set-cookie')?.split(';')[0] ?? ''
  const cart = await (await ask(url, '/cart', { headers: { cookie } })).text()
  assert.match(cart, /Enamel watch mug/, 'the cart shows the mug')
  const customer = { name: 'Smoke Test', email: 'smoke@example.org', address: '1 Quay' }
  const body = new URLSearchParams(customer)
  const ordered = await ask(url, '/checkout', { method: 'POST', headers: { cookie }, body })
  assert.equal(ordered.status, 200, 'the order is taken')
  assert.match(await ordered.text(), /data-order="[0-9A-F]{8}"/, 'the order has a number')
}

const tests = {
  catalogue: [process.env.ROADSTEAD_TARGET_CATALOGUE, testCatalogue],
  storefront: [process.env.ROADSTEAD_TARGET_STOREFRONT, testStorefront],
  checkout: [
    process.env.ROADSTEAD_TARGET_CHECKOUT,
    async (url) => {
      const lines = [{ id: 'mug', quantity: 2, cents: 1_400 }]
      const customer = { name: 'Smoke Test', email: 'smoke@example.org', address: '1 Quay' }
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify({ lines, customer })
      const response = await ask(url, '/orders', { method: 'POST', headers, body })
      assert.equal(response.status, 201, 'checkout takes an order')
      assert.equal((await response.json()).cents, 2_800, 'two mugs cost 28.00')
    },
  ],
}

let ran = 0
for (const [name, [url, test]] of Object.entries(tests)) {
  if (url === undefined) {
    console.log(`${name}: not in this release`)
    continue
  }
  try {
    await untilHealthy(url)
    await test(url)
    ran++
    console.log(`${name}: ok`)
  } catch (error) {
    console.error(`${name}: ${error.message}`)
    process.exitCode = 1
  }
}
if (process.exitCode === undefined) {
  console.log(ran === 0 ? 'nothing of what is tested here has changed' : `${ran} passed`)
}
