import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'test/**/*.test.ts',
      'scripts/**/*.test.ts',
      'console/**/*.test.ts',
      'sim/**/*.test.ts',
    ],
    pool: 'forks',
    // Tells a test that hangs from one that waits: two busy cores make 15 s of a browser's work 40.
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
})
