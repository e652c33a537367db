/** What runs a release's journeys: each agent has it, and no artifact has to bring it along. */
export const journeysProgram = 'roadstead-journeys'
