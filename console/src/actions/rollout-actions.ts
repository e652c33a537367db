import type { RolloutView } from '../../../src/wire/api.ts'
import { plural } from '../words/numbers.ts'
import { commandLine, type Action } from './action.ts'
import { actionRoutes } from './routes.ts'

/** What can be done to a rollout; going back is the app's `revert`. */

type Told = Pick<RolloutView, 'at' | 'id' | 'gate'>

function about({ at, id }: Told): Pick<Action, 'params' | 'subject'> {
  return { params: { ...at, id }, subject: `${at.environment}/${at.tenant}/${at.app}` }
}

export function approveAction(rollout: Told): Action {
  const approve = rollout.gate?.approve
  const asked =
    approve === undefined
      ? 'Your name stands beside this rollout from then on.'
      : `The gate asks for ${plural(approve.people, approve.role)}${
          approve.notAuthor ? ', none of them an author of it' : ''
        }.`
  return {
    ...about(rollout),
    route: actionRoutes.approve,
    verb: 'Approve',
    title: `Approve the rollout of ${rollout.at.app}?`,
    says: [asked, 'Your word is for exactly this release; it stands in the audit log.'],
    command: commandLine('roadstead', 'approve', rollout.id),
    done: 'Your approval stands.',
  }
}

export function cancelRolloutAction(rollout: Told): Action {
  return {
    ...about(rollout),
    route: actionRoutes.cancelRollout,
    verb: 'Cancel',
    title: `Take back the rollout of ${rollout.at.app}?`,
    says: ['It has not begun, and never will: nothing that runs changes.'],
    command: commandLine('roadstead', 'rollouts', 'cancel', rollout.id),
    done: 'The rollout is taken back.',
    isGrave: true,
  }
}

export function proceedAction(rollout: Told): Action {
  return {
    ...about(rollout),
    route: actionRoutes.proceed,
    verb: 'Proceed',
    title: `Let the rollout of ${rollout.at.app} go on?`,
    says: [
      'The comparison of old and new cannot tell whether the new one is worse.',
      'It goes on as if it were not, on your word.',
    ],
    command: commandLine('roadstead', 'rollouts', 'proceed', rollout.id),
    done: 'The rollout goes on.',
  }
}
