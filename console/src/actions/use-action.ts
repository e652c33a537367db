import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { ApiFailure } from '../api/client.ts'
import { newIdempotencyKey, perform, type Action, type ActionAnswer } from './action.ts'
import { tell } from './notices.ts'

/**
 * Carries an action out, once for each press. The key stays the same as long as nobody knows whether
 * the server has heard it (it did not answer), so pressing again cannot do it twice.
 */
export function useAction(onDone: (answer: ActionAnswer) => void) {
  const client = useQueryClient()
  const key = useRef<string | undefined>(undefined)
  return useMutation({
    mutationFn: async (action: Action) => {
      key.current ??= newIdempotencyKey()
      return perform(action, key.current)
    },
    onSuccess(answer, action) {
      key.current = undefined
      // The watch tells it too; whoever acted sees it at once.
      void client.invalidateQueries()
      tell({ action, answer })
      onDone(answer)
    },
    onError(error) {
      const isUnknown = error instanceof ApiFailure && error.status === 0
      if (!isUnknown) key.current = undefined
    },
  })
}
