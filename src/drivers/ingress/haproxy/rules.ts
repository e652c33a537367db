import type { Files } from './maps.ts'

/** HAProxy rules for what a rollout with proof needs: sides, testers' passes, and their page. */

const refused =
  'status 403 content-type "text/plain; charset=utf-8" hdr roadstead-failure release-pass ' +
  'string "403 Forbidden: this pass for a release is unknown or has expired; ' +
  'open /.roadstead/test/end to be a customer again (roadstead ingress)\\n"'

const attributes = 'Path=/; HttpOnly; SameSite=Lax%[var(txn.secure)]'

/** What a customer of a sticky split is given. */
export const sideCookie = `roadstead-side=%[var(txn.drawn)]; ${attributes}`

/** The folder of the links below. */
export const testPage = '/.roadstead/test/'

/** What makes a request a tester's, or one for a pool that is split. */
export function marks(files: Files): string[] {
  return [
    '  http-request set-var(txn.token) req.fhdr(roadstead-release)',
    '  http-request set-var(txn.token) req.cook(roadstead-release) unless { var(txn.token) -m found }',
    `  http-request set-var(txn.shares) var(txn.pool),map_str(${files.map('shares')})`,
  ]
}

/** The links that make a browser a tester's and a customer's again. */
export function testPageRules(files: Files): string[] {
  const isPage = `{ path_beg ${testPage} } { method GET HEAD }`
  const good = '{ var(txn.left) -m int gt 0 }'
  const back = 'status 302 content-type text/plain string "302 Found: go to the start page\\n"'
  const headers = 'hdr location / hdr referrer-policy no-referrer hdr cache-control no-store'
  return [
    `  http-request set-var(txn.word) path,bytes(17) if ${isPage}`,
    `  http-request return ${back} ${headers} hdr set-cookie "roadstead-release=; Max-Age=0; ${attributes}" if ${isPage} { var(txn.word) -m str end }`,
    `  http-request set-var(txn.left) var(txn.word),sha2(256),hex,lower,map_str_int(${files.map('tokens')}) if ${isPage} { var(txn.word) -m reg ^[A-Za-z0-9_.~-]{1,200}$ }`,
    '  http-request set-var(txn.now) date(0,ms) if { var(txn.left) -m found }',
    '  http-request set-var(txn.left) var(txn.left),sub(txn.now) if { var(txn.left) -m found }',
    '  http-request set-var(txn.age) var(txn.left),div(1000) if { var(txn.left) -m found }',
    `  http-request return ${back} ${headers} hdr set-cookie "roadstead-release=%[var(txn.word)]; Max-Age=%[var(txn.age)]; ${attributes}" if ${isPage} ${good}`,
    `  http-request return ${refused} if ${isPage}`,
  ]
}

/** Whoever has a pass meets his release; at a public entrance one that is good for nothing is refused. */
export function passRules(files: Files, isPublic: boolean): string[] {
  const marked = '{ var(txn.token) -m found }'
  const good = '{ var(txn.left) -m int gt 0 }'
  return [
    `  http-request set-var(txn.digest) var(txn.token),sha2(256),hex,lower if ${marked}`,
    `  http-request set-var(txn.left) var(txn.digest),map_str_int(${files.map('tokens')}) if { var(txn.digest) -m found }`,
    '  http-request set-var(txn.now) date(0,ms) if { var(txn.left) -m found }',
    '  http-request set-var(txn.left) var(txn.left),sub(txn.now) if { var(txn.left) -m found }',
    ...(isPublic ? [`  http-request return ${refused} if ${marked} !${good}`] : []),
    `  http-request set-header roadstead-release %[var(txn.token)] if ${good}`,
    `  http-request set-var(txn.pass) var(txn.pool),concat(/,txn.digest),map_str(${files.map('passes')}) if ${good}`,
  ]
}

/** Divides customers among the sides of a pool; all of it is skipped where no split is. */
export function sideRules(files: Files): string[] {
  const isSplit = '{ var(txn.shares) -m found }'
  const isOpen = `${isSplit} !{ var(txn.to) -m found }`
  const isSticky = '{ var(txn.shares),field(3,:) -m str 1 }'
  const to = `var(txn.pool),concat(/,txn.side),map_str(${files.map('sides')})`
  return [
    '  http-request unset-var(txn.shares) if { var(txn.pass) -m found }',
    `  http-request set-var(txn.side) req.cook(roadstead-side) if ${isSplit} ${isSticky}`,
    `  http-request set-var(txn.to) ${to} if ${isSplit} { var(txn.side) -m found }`,
    `  http-request set-var(txn.one) var(txn.shares),field(1,:),add(0) if ${isOpen}`,
    `  http-request set-var(txn.two) var(txn.shares),field(2,:),add(0) if ${isOpen}`,
    `  http-request set-var(txn.draw) rand(1000000) if ${isOpen}`,
    `  http-request set-var(txn.side) str(rest) if ${isOpen}`,
    `  http-request set-var(txn.side) str(baseline) if ${isOpen} { var(txn.draw),sub(txn.two) -m int lt 0 }`,
    `  http-request set-var(txn.side) str(canary) if ${isOpen} { var(txn.draw),sub(txn.one) -m int lt 0 }`,
    `  http-request set-var(txn.drawn) var(txn.side) if ${isOpen} ${isSticky}`,
    `  http-request set-var(txn.to) ${to} if ${isOpen}`,
  ]
}
