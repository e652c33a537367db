import { expect, test } from 'vitest'
import type { DriverHarness } from './instance-driver.suite.ts'

/** What every instance driver promises of volumes; `id` is an instance's own on this machine. */
export function testInstanceVolumes(make: () => Promise<DriverHarness>, id = 'i-a'): void {
  test('a volume that begins is made, is found again, and goes only by its id', async () => {
    const harness = await make()
    const driver = await harness.open()
    const volume = { id: 'vol-suite', name: 'data', path: '/data', app: 'a', service: 's' }
    const start = async (run: number, begins: boolean): Promise<void> => {
      const launch = await harness.launch(id, run, 'serves')
      await driver.start({ ...launch, volumes: [{ ...volume, begins }] })
    }
    await driver.adopt()
    try {
      expect(await driver.hasVolume(volume.id)).toBe(false)
      await expect(start(1, false)).rejects.toMatchObject({ code: 'volume-lost' })
      await start(2, true)
      expect(await driver.hasVolume(volume.id)).toBe(true)
      await driver.end(id)
      await start(3, false)
      await driver.end(id)
      await driver.removeVolume('vol-other')
      expect(await driver.hasVolume(volume.id)).toBe(true)
      await driver.discard(id)
      const remove = (): Promise<boolean> =>
        driver.removeVolume(volume.id).then(
          () => true,
          () => false,
        )
      await harness.until(remove)
      expect(await driver.hasVolume(volume.id)).toBe(false)
    } finally {
      await driver.end(id)
      await driver.close()
      await harness.close()
    }
  })
}
