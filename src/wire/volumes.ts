import Type, { type Static } from 'typebox'
import { Volume } from '../parts/volumes/model.ts'

/** Which data stands where, as lists show it. */

/** How it stands with a volume. */
export const VolumeState = Type.Enum([
  /** Nothing has been written yet, as far as is known. */
  'begins',
  /** It is on its node. */
  'kept',
  /** Its node is not heard: the data is there when the node comes back, and lost if it does not. */
  'unreachable',
  /** Its app is destroyed: the data goes. */
  'going',
])
export type VolumeState = Static<typeof VolumeState>

/** GET /v1/volumes → { items }. */
export const VolumeView = Type.Object({ ...Volume.properties, state: VolumeState })
export type VolumeView = Static<typeof VolumeView>
