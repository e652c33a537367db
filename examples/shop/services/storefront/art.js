/** Pictures of the products, drawn in 120 x 120. An unknown product gets a parcel. */
const brass = '#c9962b'
const brassDark = '#9a6f1a'
const navy = '#17384f'
const cream = '#fbf6ec'
const red = '#c4483a'
const steel = '#8fa3b0'

const drawings = {
  lantern: `
    <path d="M44 34a16 16 0 0 1 32 0" fill="none" stroke="${brassDark}" stroke-width="4"/>
    <rect x="46" y="32" width="28" height="9" rx="3" fill="${brass}"/>
    <rect x="42" y="42" width="36" height="38" rx="9" fill="#fff3cf" stroke="${brass}" stroke-width="4"/>
    <path d="M60 50c8 9 9 14 5 20a6 6 0 0 1-10 0c-4-6-2-9 5-20z" fill="#f0a020"/>
    <path d="M60 60c3 4 4 6 2 9a3 3 0 0 1-4 0c-2-3-1-5 2-9z" fill="#fff3cf"/>
    <path d="M50 42v38M70 42v38" stroke="${brass}" stroke-width="2.5"/>
    <rect x="37" y="80" width="46" height="10" rx="4" fill="${brassDark}"/>`,
  mug: `
    <path d="M78 48h9a11 11 0 0 1 0 26h-9" fill="none" stroke="${navy}" stroke-width="6"/>
    <path d="M34 38h46v42a10 10 0 0 1-10 10H44a10 10 0 0 1-10-10z" fill="${cream}" stroke="${navy}" stroke-width="4"/>
    <path d="M57 50v26M49 58h16M46 68c2 7 7 9 11 9s9-2 11-9" fill="none" stroke="${navy}" stroke-width="3" stroke-linecap="round"/>
    <path d="M46 30c-4-5 4-7 0-13M58 30c-4-5 4-7 0-13M70 30c-4-5 4-7 0-13" fill="none" stroke="${steel}" stroke-width="3" stroke-linecap="round"/>`,
  jersey: `
    <path d="M46 28l-22 12 8 22 9-4v34h38V58l9 4 8-22-22-12c-6 8-22 8-28 0z" fill="${cream}" stroke="${navy}" stroke-width="4" stroke-linejoin="round"/>
    <path d="M41 50h38M41 60h38M41 70h38M41 80h38" stroke="${navy}" stroke-width="4"/>
    <path d="M29 46l8 8M91 46l-8 8" stroke="${navy}" stroke-width="4"/>`,
  compass: `
    <circle cx="60" cy="64" r="33" fill="${brass}"/><circle cx="60" cy="64" r="26" fill="${cream}"/>
    <rect x="54" y="20" width="12" height="12" rx="5" fill="none" stroke="${brassDark}" stroke-width="4"/>
    <path d="M60 42l6 22h-12z" fill="${red}"/><path d="M60 86l6-22h-12z" fill="${navy}"/>
    <circle cx="60" cy="64" r="3.5" fill="${cream}" stroke="${navy}" stroke-width="2"/>
    <path d="M60 40v4M60 84v4M36 64h4M80 64h4" stroke="${navy}" stroke-width="2.5"/>`,
  blanket: `
    <rect x="28" y="34" width="64" height="20" rx="10" fill="${red}"/>
    <rect x="28" y="50" width="64" height="20" rx="10" fill="${cream}" stroke="${red}" stroke-width="3"/>
    <rect x="28" y="66" width="64" height="20" rx="10" fill="${navy}"/>
    <path d="M38 86v8M46 86v8M54 86v8M62 86v8M70 86v8M78 86v8" stroke="${navy}" stroke-width="3" stroke-linecap="round"/>
    <path d="M40 60h40" stroke="${red}" stroke-width="3" stroke-dasharray="5 4"/>`,
  bell: `
    <rect x="54" y="22" width="12" height="10" rx="4" fill="${brassDark}"/>
    <path d="M60 30c18 0 20 18 21 32 1 10 5 14 9 18H30c4-4 8-8 9-18 1-14 3-32 21-32z" fill="${brass}"/>
    <path d="M48 40c-3 8-3 18-4 28" fill="none" stroke="#e7c36a" stroke-width="4" stroke-linecap="round"/>
    <rect x="28" y="78" width="64" height="6" rx="3" fill="${brassDark}"/>
    <circle cx="60" cy="90" r="6" fill="${navy}"/><path d="M60 94v10" stroke="${red}" stroke-width="4" stroke-linecap="round"/>`,
  rope: `
    <rect x="24" y="38" width="72" height="48" rx="14" fill="#d9bd8a"/>
    <g fill="none" stroke="#a98548" stroke-width="4"><rect x="24" y="38" width="72" height="48" rx="14"/>
    <rect x="34" y="47" width="52" height="30" rx="10"/><rect x="44" y="56" width="32" height="12" rx="6"/></g>
    <path d="M30 44l6 6M52 39l4 7M72 39l4 7M90 46l-6 5M30 78l6-5M52 85l4-7M72 85l4-7M89 80l-6-6" stroke="${cream}" stroke-width="2.5"/>`,
  hat: `
    <path d="M38 64c0-22 10-34 22-34s22 12 22 34" fill="#e8b530"/>
    <path d="M22 72c12-10 64-10 76 0 4 6-2 14-12 16-8-8-46-8-52 0-10-2-16-10-12-16z" fill="#d29c17"/>
    <path d="M60 30v34M47 36c-3 8-4 16-4 28M73 36c3 8 4 16 4 28" fill="none" stroke="#b5840d" stroke-width="2.5"/>
    <path d="M40 64c12-5 28-5 40 0" fill="none" stroke="#b5840d" stroke-width="3"/>`,
  kettle: `
    <path d="M42 46a18 18 0 0 1 36 0" fill="none" stroke="${navy}" stroke-width="5"/>
    <path d="M86 58l14-8" stroke="${steel}" stroke-width="8" stroke-linecap="round"/>
    <path d="M34 56c2-8 50-8 52 0l6 26a8 8 0 0 1-8 10H36a8 8 0 0 1-8-10z" fill="${steel}"/>
    <path d="M38 60c-2 7-3 14-4 20" fill="none" stroke="#c7d3da" stroke-width="4" stroke-linecap="round"/>
    <rect x="46" y="48" width="28" height="7" rx="3" fill="#70858f"/><circle cx="60" cy="44" r="5" fill="${navy}"/>`,
  glass: `
    <g transform="rotate(-28 60 60)"><rect x="14" y="50" width="30" height="22" rx="4" fill="${brass}"/>
    <rect x="44" y="53" width="28" height="16" rx="2" fill="#6b3f24"/><rect x="72" y="56" width="26" height="10" rx="2" fill="${brass}"/>
    <rect x="96" y="53" width="8" height="16" rx="3" fill="${brassDark}"/><rect x="10" y="47" width="8" height="28" rx="3" fill="${brassDark}"/>
    <path d="M44 50v22M72 53v16" stroke="${brassDark}" stroke-width="3"/></g>
    <path d="M44 100l16-28 16 28" fill="none" stroke="${navy}" stroke-width="4" stroke-linecap="round"/>`,
  bottle: `
    <g transform="rotate(24 60 60)"><rect x="53" y="14" width="14" height="12" rx="3" fill="#a9713a"/>
    <path d="M54 26h12v14c10 6 14 12 14 22v30a8 8 0 0 1-8 8H48a8 8 0 0 1-8-8V62c0-10 4-16 14-22z" fill="#cfe6df" stroke="#6fa698" stroke-width="4"/>
    <rect x="49" y="58" width="22" height="32" rx="3" fill="${cream}"/><path d="M53 66h14M53 73h14M53 80h9" stroke="${navy}" stroke-width="2.5" stroke-linecap="round"/></g>`,
  clock: `
    <circle cx="60" cy="60" r="36" fill="${navy}"/><circle cx="60" cy="60" r="29" fill="${cream}"/>
    <path d="M32 66c7-6 12 6 19 0s12 6 19 0 12 5 18 0a29 29 0 0 1-56 0z" fill="#5c9fb8"/>
    <path d="M60 34v5M60 81v5M34 60h5M81 60h5" stroke="${navy}" stroke-width="3"/>
    <path d="M60 60L74 44" stroke="${red}" stroke-width="4" stroke-linecap="round"/><circle cx="60" cy="60" r="4" fill="${red}"/>`,
}

const parcel = `
  <path d="M28 44l32-14 32 14v38L60 96 28 82z" fill="#d9bd8a"/><path d="M28 44l32 14 32-14M60 58v38" fill="none" stroke="#a98548" stroke-width="4"/>`

/** The picture of a product as SVG; decorative, for its name stands beside it. */
export function pictureOf(id) {
  return `<svg viewBox="0 0 120 120" aria-hidden="true">${drawings[id] ?? parcel}</svg>`
}
