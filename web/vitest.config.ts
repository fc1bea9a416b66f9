import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['provider/test/**/*.test.ts', 'app/test/**/*.test.ts'], reporters: ['default', './closing-line.ts'] },
})
