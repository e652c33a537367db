/** One look per version of the shop; the page carries it, so that no page mixes two versions. */
const looks = {
  v1: { accent: '#17384f', soft: '#e6eef2', paper: '#faf7f1', glow: '#c9962b', sky: '#24566f' },
  v2: { accent: '#7a2e22', soft: '#f6e7dc', paper: '#fdf8f3', glow: '#dd8a2b', sky: '#b0512f' },
}

/** The style sheet of a version. */
export function styleOf(version) {
  const look = looks[version] ?? looks.v2
  return `
:root { --accent: ${look.accent}; --soft: ${look.soft}; --paper: ${look.paper}; --glow: ${look.glow};
  --sky: ${look.sky}; --ink: #22303a; --muted: #5f6d76; --line: #e2dbcf; --radius: 14px }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); min-height: 100vh;
  display: flex; flex-direction: column; font: 16px/1.55 ui-sans-serif, system-ui, "Segoe UI", sans-serif }
h1, h2, .brand, .price { font-family: Georgia, "Iowan Old Style", "Times New Roman", serif; font-weight: 600 }
h1 { font-size: clamp(1.7rem, 3.4vw, 2.5rem); line-height: 1.15; margin: 0 0 .5rem }
a { color: inherit }
header.bar { background: #fff; border-bottom: 1px solid var(--line); position: sticky; top: 0; z-index: 1 }
.bar .in, main, footer .in { width: min(1120px, 100% - 2rem); margin-inline: auto }
.bar .in { display: flex; align-items: center; gap: 1rem 1.6rem; padding: .8rem 0; flex-wrap: wrap }
.brand { font-size: 1.3rem; text-decoration: none; color: var(--accent); display: flex; gap: .55rem; align-items: center }
.brand svg { width: 30px; height: 30px }
nav { display: flex; gap: 1.1rem; flex-wrap: wrap }
nav a { text-decoration: none; color: var(--muted); text-transform: capitalize; padding: .2rem 0; border-bottom: 2px solid transparent }
nav a:hover, nav a[aria-current] { color: var(--accent); border-color: var(--glow) }
form.search { margin-left: auto; display: flex }
input, select { font: inherit; color: inherit; padding: .55rem .8rem; border: 1px solid var(--line); border-radius: 999px; background: #fff; min-width: 0 }
input:focus-visible, a:focus-visible, button:focus-visible { outline: 3px solid var(--glow); outline-offset: 2px }
.cart-link { text-decoration: none; background: var(--accent); color: #fff; padding: .5rem 1rem; border-radius: 999px; font-weight: 600 }
.cart-link b { background: var(--glow); color: #22180a; border-radius: 999px; padding: 0 .5rem; margin-left: .4rem }
main { padding: 2rem 0 4rem; flex: 1 }
.hero { position: relative; overflow: hidden; background: linear-gradient(120deg, var(--accent), var(--sky)); color: #fff;
  border-radius: calc(var(--radius) * 1.4); padding: clamp(1.6rem, 5vw, 3.2rem); margin-bottom: 2rem }
.hero p { max-width: 34rem; margin: 0; color: #ffffffd9; font-size: 1.06rem }
.hero svg { position: absolute; right: 0; bottom: 0; height: 100%; opacity: .5; pointer-events: none }
.tag { display: inline-block; background: var(--glow); color: #22180a; border-radius: 999px; padding: .1rem .7rem; font-size: .8rem; font-weight: 700; margin-bottom: .8rem }
.grid { display: grid; gap: 1.3rem; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)) }
.card { background: #fff; border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; text-decoration: none;
  display: flex; flex-direction: column; transition: transform .15s, box-shadow .15s }
.card:hover { transform: translateY(-3px); box-shadow: 0 10px 26px #1b2b3620 }
.art { background: var(--soft); display: grid; place-items: center; aspect-ratio: 4 / 3; position: relative }
.art svg { width: 58%; max-width: 260px }
.art .tag { position: absolute; top: .8rem; left: .8rem; margin: 0 }
.card .body { padding: .9rem 1.1rem 1.1rem; display: flex; flex-direction: column; gap: .15rem; flex: 1 }
.card .name { font-weight: 600 }
.price { font-size: 1.15rem; color: var(--accent) }
.stars { color: #8a5a08; font-size: .88rem }
.muted { color: var(--muted) }
.product { display: grid; grid-template-columns: minmax(0, 1.1fr) minmax(0, 1fr); gap: 2.4rem; align-items: center }
.product .art { border-radius: var(--radius); border: 1px solid var(--line) }
.product .price { font-size: 1.7rem; margin: .8rem 0 }
.button { display: inline-block; font: inherit; font-weight: 650; border: 0; cursor: pointer; text-decoration: none; background: var(--accent);
  color: #fff; border-radius: 999px; padding: .75rem 1.6rem }
.button:hover { filter: brightness(1.15) }
.button.light { background: var(--soft); color: var(--accent) }
.row { display: flex; gap: .8rem; align-items: center; flex-wrap: wrap }
.panel { background: #fff; border: 1px solid var(--line); border-radius: var(--radius); padding: 1.4rem 1.6rem }
table { width: 100%; border-collapse: collapse }
th { text-align: left; color: var(--muted); font-weight: 500; font-size: .88rem }
td, th { padding: .7rem .4rem; border-bottom: 1px solid var(--line) }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
tfoot td { border: 0; font-weight: 700; font-size: 1.1rem }
.two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.6rem; align-items: start }
label { display: block; margin-bottom: 1rem; font-weight: 600 }
label input { display: block; width: 100%; border-radius: 10px; margin-top: .3rem; font-weight: 400 }
.notice { border-left: 4px solid var(--glow); background: #fff; padding: 1rem 1.2rem; border-radius: 8px }
footer { border-top: 1px solid var(--line); color: var(--muted); font-size: .9rem; padding: 1.2rem 0 }
footer .in { display: flex; justify-content: space-between; gap: 1rem; flex-wrap: wrap }
@media (max-width: 720px) { .product, .two { grid-template-columns: minmax(0, 1fr) } form.search { margin-left: 0; flex: 1 } form.search input { width: 100% } }
@media (prefers-reduced-motion: reduce) { .card { transition: none } }
`
}
