import { describe, expect, test } from 'vitest'
import { choosePort, chooseRanges, type PortProbe } from './ports.ts'

function allFreeBut(...busy: number[]): PortProbe {
  return async (port) => !busy.includes(port)
}

describe('choosing a port', () => {
  test('a free one is taken as it is', async () => {
    expect(await choosePort(7_070, allFreeBut())).toEqual({ port: 7_070, insteadOf: undefined })
  })

  test('a busy one gives the next free one, and says so', async () => {
    const chosen = await choosePort(7_070, allFreeBut(7_070, 7_071))
    expect(chosen).toEqual({ port: 7_072, insteadOf: 7_070 })
  })

  test('one that is given away already is left out', async () => {
    const chosen = await choosePort(8_080, allFreeBut(8_080), new Set([8_081]))
    expect(chosen.port).toBe(8_082)
  })

  test('it gives up in words when a hundred are busy', async () => {
    await expect(choosePort(7_070, async () => false)).rejects.toMatchObject({
      code: 'ports-taken',
      message: 'all ports from 7070 to 7170 are taken',
    })
  })

  test('it never leaves the ports that exist', async () => {
    await expect(choosePort(65_500, async () => false)).rejects.toThrow('65500 to 65535')
  })
})

describe('choosing ranges', () => {
  test('the usual ones stand side by side', async () => {
    expect(await chooseRanges(20_000, allFreeBut())).toEqual({
      listeners: { from: 20_000, to: 20_999 },
      instances: { from: 21_000, to: 21_999 },
    })
  })

  test('both move when somebody listens in either', async () => {
    const { listeners, instances } = await chooseRanges(20_000, allFreeBut(21_500))
    expect(listeners).toEqual({ from: 22_000, to: 22_999 })
    expect(instances).toEqual({ from: 23_000, to: 23_999 })
  })

  test('where every range has somebody, the emptiest is taken', async () => {
    const isFree: PortProbe = async (port) => port % 1_000 !== 0 || port === 26_000
    expect((await chooseRanges(20_000, isFree)).listeners.from).toBe(26_000)
  })
})
