import { commandLine, type Action } from './action.ts'
import { actionRoutes } from './routes.ts'

/** Says that the machine of a silent node is off. */
export function giveUpAction(nodeId: string, instances: number): Action {
  return {
    route: actionRoutes.giveUpNode,
    params: { nodeId },
    verb: 'Give up',
    title: `Give ${nodeId} up?`,
    says: [
      `Only once its machine is off: what still runs there would run twice.`,
      instances === 0
        ? 'It has no instances that others would have to replace.'
        : `Its ${instances} instances are replaced on other nodes.`,
    ],
    command: commandLine('roadstead', 'nodes', 'give-up', nodeId),
    done: `${nodeId} is given up.`,
    isGrave: true,
    typed: nodeId,
  }
}
