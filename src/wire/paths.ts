import Type from 'typebox'

/** Where the routes of one app in one cell begin. */
export const appPath = '/v1/cells/:environment/:tenant/apps/:app'

/** A name in a path; anything else is not found before it is looked up. */
const name = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })

/** The parameters of `appPath`. */
export const appParams = Type.Object({ environment: name, tenant: name, app: name })

/** An id in a path: `ro-7k3m9q2x`. */
export const idParam = Type.String({ pattern: '^[a-z0-9-]{1,64}$' })

/** A node's or an ingress's id in a path: what host names are made of. */
export const machineParam = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' })
