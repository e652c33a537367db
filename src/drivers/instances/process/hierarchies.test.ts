import { describe, expect, test } from 'vitest'
import { hierarchiesOf } from './hierarchies.ts'

const unified = '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate'

const first = [
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
  '35 31 0:32 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory',
  '39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
]

describe('hierarchies', () => {
  test('of version 1 those with a controller of ours, each at this process’s own group', () => {
    const own = '8:pids:/\n4:memory:/user/shop\n2:cpu,cpuacct:/\n1:name=systemd:/'
    expect(hierarchiesOf(first.join('\n'), own)).toEqual([
      {
        version: 1,
        controllers: ['cpu'],
        place: '/sys/fs/cgroup/cpu,cpuacct/',
        top: '/sys/fs/cgroup/cpu,cpuacct',
      },
      {
        version: 1,
        controllers: ['memory'],
        place: '/sys/fs/cgroup/memory/user/shop',
        top: '/sys/fs/cgroup/memory',
      },
      {
        version: 1,
        controllers: ['pids'],
        place: '/sys/fs/cgroup/pids/',
        top: '/sys/fs/cgroup/pids',
      },
    ])
  })

  test('of version 2 one with all of them', () => {
    expect(hierarchiesOf(unified, '0::/system.slice/roadstead.service/agent\n')).toEqual([
      {
        version: 2,
        controllers: ['memory', 'cpu', 'pids'],
        place: '/sys/fs/cgroup/system.slice/roadstead.service/agent',
        top: '/sys/fs/cgroup',
      },
    ])
  })

  test('where there are both, version 2 has what is left', () => {
    const mounts = `${first[1]}\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`
    const [memory, second] = hierarchiesOf(mounts, '4:memory:/\n0::/\n')
    expect(memory).toMatchObject({ version: 1, controllers: ['memory'] })
    expect(second).toMatchObject({ version: 2, controllers: ['cpu', 'pids'] })
  })

  test('a mounted part of a hierarchy is reached below its mount point', () => {
    const part = '35 31 0:32 /docker/abc /mnt/with\\040space rw - cgroup cgroup rw,memory'
    const placeIn = (own: string): string | undefined => hierarchiesOf(part, own)[0]?.place
    expect(placeIn('4:memory:/docker/abc')).toBe('/mnt/with space')
    expect(placeIn('4:memory:/docker/abc/below')).toBe('/mnt/with space/below')
    expect(placeIn('4:memory:/elsewhere')).toBe('/mnt/with space')
  })

  test('without any there are none', () => {
    expect(hierarchiesOf('', '')).toEqual([])
    expect(hierarchiesOf(unified, 'nothing of sense')).toEqual([])
  })
})
