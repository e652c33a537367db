import { Skeleton } from '@mantine/core'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { TokenView } from '../../../../src/wire/access.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import {
  createTokenAction,
  revokeTokenAction,
  type TokenWish,
} from '../../actions/settings-actions.ts'
import { ApiFailure, callApi } from '../../api/client.ts'
import { Moment } from '../../marks/moment.tsx'
import { FailureNotice, Notice, Panel } from '../../marks/panel.tsx'
import { newToken, type NewToken } from './new-token.ts'
import styles from './settings.module.css'

const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: async ({ signal }) =>
    (await callApi<{ items: TokenView[] }>('/v1/tokens', { signal })).items,
})

const roles = ['developer', 'operator', 'viewer'] as const

/** Who may come, and as whom; a token is made here and shown once. */
export function TokensPanel() {
  const { data: tokens, error } = useQuery(tokensQuery)
  const isRefused = error instanceof ApiFailure && error.status === 403
  return (
    <Panel title="Tokens" note="names and roles, never the tokens">
      {isRefused && <p className={styles.quiet}>Only operators see who has a token.</p>}
      {error !== null && !isRefused && <FailureNotice error={error} />}
      {tokens === undefined && error === null && <Skeleton height={140} />}
      {tokens !== undefined && (
        <>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">name</th>
                <th scope="col">role</th>
                <th scope="col">may</th>
                <th scope="col">since</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {tokens.map((token) => (
                <Token key={token.name} token={token} />
              ))}
            </tbody>
          </table>
          <Create />
        </>
      )}
    </Panel>
  )
}

function Token({ token: { name, role, may, createdAt } }: { readonly token: TokenView }) {
  const isOwn = name === role
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{role}</td>
      <td>{may.length === 0 ? '–' : may.join(', ')}</td>
      <td>
        <Moment at={createdAt} />
      </td>
      <td className={styles.action}>
        <ActionButton
          action={revokeTokenAction(name)}
          of={`the token of ${name}`}
          unless={
            isOwn ? 'It is the program’s own; the server would adopt its file again.' : undefined
          }
        />
      </td>
    </tr>
  )
}

/** As the server checks it: what the log calls somebody. */
const namePattern = /^[a-z0-9][a-z0-9._@-]{0,62}$/

function Create() {
  const [name, setName] = useState('')
  const [role, setRole] = useState<TokenWish['role']>('developer')
  const [may, setMay] = useState('')
  const [made, setMade] = useState<NewToken>()
  const [shown, setShown] = useState<{ readonly name: string; readonly token: string }>()
  useEffect(() => {
    if (made === undefined) void newToken().then(setMade)
  }, [made])
  const names = may.split(/[\s,]+/).filter((one) => one !== '')
  const wish = { name, role, may: names, hash: made?.hash ?? '' }
  return (
    <div className={styles.create}>
      <h3 className={styles.subtitle}>A new token</h3>
      <div className={styles.fields}>
        <Field label="Name" value={name} onChange={setName} />
        <label>
          Role
          <select
            className={styles.field}
            value={role}
            onChange={({ currentTarget: { value } }) =>
              setRole(roles.find((one) => one === value) ?? 'developer')
            }
          >
            {roles.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <Field label="May, besides (releaser, …)" value={may} onChange={setMay} />
        <ActionButton
          action={createTokenAction(wish)}
          label="Create"
          of="the token"
          unless={reasonAgainst(name, made)}
          size="sm"
          onDone={() => {
            setShown({ name, token: made?.token ?? '' })
            setMade(undefined)
            setName('')
          }}
        />
      </div>
      {shown !== undefined && (
        <Notice tone="warning">
          The token of {shown.name}, shown this once: <code>{shown.token}</code>{' '}
          <button type="button" className={styles.small} onClick={() => setShown(undefined)}>
            I have kept it
          </button>
        </Notice>
      )}
    </div>
  )
}

function Field(props: {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  return (
    <label>
      {props.label}
      <input
        className={styles.field}
        value={props.value}
        onChange={({ currentTarget: { value } }) => props.onChange(value)}
        autoComplete="off"
        spellCheck={false}
        maxLength={128}
      />
    </label>
  )
}

function reasonAgainst(name: string, made: NewToken | undefined): string | undefined {
  if (!isSecureContext) return 'Over plain HTTP a browser makes no token: use `roadstead tokens`.'
  if (made === undefined) return 'The token is being made.'
  if (name === '') return 'Say whose it is.'
  return namePattern.test(name)
    ? undefined
    : 'Small letters, digits, dots, @ and dashes, 63 at most.'
}
