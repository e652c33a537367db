import { describe, expect, it } from 'vitest'
import type { Disk } from '../base/disk.ts'
import { RecordFiles } from './record-files.ts'

describe('the records of an agent', () => {
  it('write a tombstone that a full disk refused as soon as there is room', async () => {
    const { disk, files, fill } = aDisk()
    const records = new RecordFiles(disk, '/agent')
    await records.load()
    fill(true)
    await expect(records.bury('i-a')).rejects.toThrow('full')
    await expect(records.settle()).rejects.toThrow('full')
    expect(files.get('/agent/ended.json')).toBeUndefined()
    fill(false)
    await records.settle()
    expect(files.get('/agent/ended.json')).toBe('["i-a"]')
  })

  it('write nothing again that is on the disk', async () => {
    const { disk, files } = aDisk()
    const records = new RecordFiles(disk, '/agent')
    await records.load()
    await records.bury('i-a')
    files.clear()
    await records.settle()
    expect(files.size).toBe(0)
  })
})

function aDisk(): { disk: Disk; files: Map<string, string>; fill: (isFull: boolean) => void } {
  const files = new Map<string, string>()
  let isFull = false
  const write = async (path: string, content: string): Promise<void> => {
    if (isFull) throw new Error('the disk is full')
    files.set(path, content)
  }
  const disk: Partial<Disk> = {
    read: async (path) => files.get(path),
    replace: write,
    note: write,
    makeFolder: async () => {},
    names: async () => [],
  }
  return { disk: disk as Disk, files, fill: (value) => (isFull = value) }
}
