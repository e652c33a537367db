/**
 * Makes a child end when its parent is gone, however that came: the channel between them closes.
 * For `node --import`; the channel alone does not keep a child alive that has done its work.
 */
export const leash =
  "data:text/javascript,process.on('disconnect',()=>process.exit());process.channel?.unref()"
