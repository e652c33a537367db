/** Takes parcels on: gives each a tracking number and a day. */
import { randomBytes } from 'node:crypto'
import { serve } from './serve.js'

/** Parcels leave on the next working day and arrive on the one after. */
function arrivalAfter(date) {
  const arrival = new Date(date)
  for (let workingDays = 0; workingDays < 2;) {
    arrival.setUTCDate(arrival.getUTCDate() + 1)
    if (![0, 6].includes(arrival.getUTCDay())) workingDays++
  }
  return arrival.toISOString().slice(0, 10)
}

serve('shipment', [
  [
    'POST',
    '/parcels',
    ({ body }) => {
      if (typeof body?.address !== 'string' || body.address.trim() === '') {
        return { status: 422, json: { error: 'a parcel needs an address' } }
      }
      const tracking = `RS${randomBytes(5).toString('hex').toUpperCase()}`
      return { status: 201, json: { tracking, arrival: arrivalAfter(new Date()) } }
    },
  ],
])
