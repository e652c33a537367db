/** GET …/apps/{app}/releases → { items }: releases are told as they are stored. */
export type { Release as ReleaseView } from '../parts/apps/model.ts'
