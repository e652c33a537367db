import { unknown } from '../../words/numbers.ts'
import styles from './rollout.module.css'

/** What stands in one place of the table; null where nothing was measured. */
export interface Compared {
  readonly text: string | null
  readonly isFailing?: boolean
  readonly isZero?: boolean
}

/** Measured things side by side: a line per measure, a column per group or time. */
export function CompareTable(props: {
  readonly caption: string
  readonly columns: readonly string[]
  readonly lines: readonly (readonly [name: string, cells: readonly Compared[]])[]
}) {
  return (
    <table className={styles.compare}>
      <caption className="visually-hidden">{props.caption}</caption>
      <thead>
        <tr>
          <td />
          {props.columns.map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {props.lines.map(([name, cells]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {cells.map(({ text, isFailing, isZero }, index) => (
              <td key={props.columns[index]} data-failing={isFailing} data-zero={isZero}>
                {text ?? unknown}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
