/** A share of 0 to 1 as people read it: `0.1 %`, `2.35 %`, `20 %`. */
export function percentText(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`
}
