import { describe, expect, it } from 'vitest'
import type { Disk } from '../base/disk.ts'
import type { InstanceRecord } from './instance-facts.ts'
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

  it('remember on a full disk what was told to stop, by the name of its record', async () => {
    const { disk, files, fill } = aDisk()
    const records = new RecordFiles(disk, '/agent')
    await records.load()
    await records.save(aRecord('running'))
    fill(true)
    await expect(records.save(aRecord('stopped'))).rejects.toThrow('full')
    expect([...files.keys()]).toEqual(['/agent/records/i-a.stopped'])
    expect(await records.lost()).toEqual([])
    const next = new RecordFiles(disk, '/agent')
    expect(await next.load()).toMatchObject([{ wanted: 'stopped' }])
    fill(false)
    await next.save(aRecord('stopped'))
    await next.forget('i-a')
    expect(files.size).toBe(0)
  })

  it('remember on a full disk what has ended by itself', async () => {
    const { disk, fill } = aDisk()
    const records = new RecordFiles(disk, '/agent')
    await records.save(aRecord('running'))
    fill(true)
    await expect(records.bury('i-a')).rejects.toThrow('full')
    expect(await new RecordFiles(disk, '/agent').load()).toMatchObject([{ wanted: 'stopped' }])
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

function aRecord(wanted: 'running' | 'stopped'): InstanceRecord {
  return { assigned: { instanceId: 'i-a' }, wanted, observed: {} } as unknown as InstanceRecord
}

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
    names: async (folder) =>
      [...files.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1)),
    remove: async (path) => void files.delete(path),
    move: async (from, to) => {
      files.set(to, files.get(from) ?? '')
      files.delete(from)
    },
  }
  return { disk: disk as Disk, files, fill: (value) => (isFull = value) }
}
