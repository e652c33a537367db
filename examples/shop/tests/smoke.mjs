/**
 * What a release of the shop has to show before customers meet it. Runs against the maintenance
 * pools: ROADSTEAD_TARGET is the storefront's, ROADSTEAD_TARGET_NAME each service's. A service
 * that this release does not change has nobody in maintenance, and nothing to show.
 */
import assert from 'node:assert/strict'

const timeoutMs = 5_000

async function ask(url, path, options = {}) {
  const signal = AbortSignal.timeout(timeoutMs)
  return fetch(new URL(path, url), { redirect: 'manual', signal, ...options })
}

/** Whether anybody is in the maintenance pool: the ingress answers 502 to 504 for an empty one. */
async function isThere(url) {
  if (url === undefined) return false
  const response = await ask(url, '/healthz').catch(() => undefined)
  return response !== undefined && response.status < 500
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
  storefront: [
    process.env.ROADSTEAD_TARGET_STOREFRONT ?? process.env.ROADSTEAD_TARGET,
    testStorefront,
  ],
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
  if (!(await isThere(url))) {
    console.log(`${name}: not in this release`)
    continue
  }
  try {
    await test(url)
    ran++
    console.log(`${name}: ok`)
  } catch (error) {
    console.error(`${name}: ${error.message}`)
    process.exitCode = 1
  }
}
console.log(ran === 0 ? 'nothing of what is tested here has changed' : `${ran} passed`)
