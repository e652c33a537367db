import { Button, PasswordInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useRouter } from '@tanstack/react-router'
import { useState, type SubmitEvent } from 'react'
import { ApiFailure, isSignedOut } from '../../api/client.ts'
import { sessionQuery } from '../../api/queries.ts'
import { signIn, type LoginNotice } from '../../api/session.ts'
import { Notice } from '../../marks/panel.tsx'
import { HarbourMark } from '../../shell/harbour-mark.tsx'
import styles from './session.module.css'

const notices: Readonly<Record<LoginNotice, string>> = {
  ended: 'Your session has ended. Sign in again to go on where you were.',
  'wrong-link': 'The token in that link is not known to this server.',
}

const route = getRouteApi('/login')

/** Signs in with the token that the server wrote at its first start. */
export function LoginPage() {
  const { notice } = route.useSearch()
  const { failure, isBusy, submit } = useSignIn()
  const [token, setToken] = useState('')
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault()
    void submit(token.trim())
  }
  return (
    <main className={styles.quay}>
      <title>Sign in · Roadstead</title>
      <form className={styles.card} onSubmit={onSubmit} noValidate>
        <div className={styles.mark}>
          <HarbourMark size={34} />
          <h1>Roadstead</h1>
        </div>
        {notice !== undefined && failure === null && (
          <Notice tone="warning">{notices[notice]}</Notice>
        )}
        <PasswordInput
          label="Operator token"
          placeholder="Paste the token"
          autoComplete="current-password"
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          error={failure}
          size="md"
          data-autofocus
        />
        <Button type="submit" size="md" fullWidth loading={isBusy}>
          Sign in
        </Button>
        <div className={styles.help}>
          <p>
            The server wrote the token at its first start, readable by its owner only. In the folder
            where it runs:
          </p>
          <code>cat .roadstead/tokens/operator</code>
          <p>
            Or let <code>roadstead open</code> sign you in.
          </p>
        </div>
      </form>
    </main>
  )
}

/** Exchanges the token and goes to the place that asked for it. */
function useSignIn() {
  const client = useQueryClient()
  const router = useRouter()
  const { to } = route.useSearch()
  const [failure, setFailure] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const submit = async (token: string): Promise<void> => {
    if (token === '') return setFailure('Paste the token first.')
    setBusy(true)
    setFailure(null)
    try {
      client.setQueryData(sessionQuery.queryKey, await signIn(token))
      router.history.replace(to ?? '/')
    } catch (error) {
      setFailure(sentenceOf(error))
      setBusy(false)
    }
  }
  return { failure, isBusy, submit }
}

function sentenceOf(error: unknown): string {
  if (isSignedOut(error)) {
    return 'This token is not known to the server. Is it whole, and of this data folder?'
  }
  if (!(error instanceof ApiFailure)) return 'Something went wrong in the console itself.'
  return [error.message, error.hint].filter((part) => part !== undefined).join(' ')
}
