/** Whether a customer may buy for a sum. Decides by a rule that everybody can follow. */
import { serve } from './serve.js'

/** The most that is sold on account: 2,000.00. */
const centsMax = 200_000

serve('credit-check', [
  [
    'POST',
    '/checks',
    ({ body }) => {
      const cents = body?.cents
      if (!Number.isInteger(cents) || cents <= 0) {
        return { status: 422, json: { error: 'cents has to be a whole number above 0' } }
      }
      const isApproved = cents <= centsMax
      const because = isApproved ? 'within the limit' : 'above what we sell on account'
      return { json: { isApproved, because } }
    },
  ],
])
