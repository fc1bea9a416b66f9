import { resolve } from 'node:path'
import { defineConfig } from 'vite'
import { compress } from './compress'

/** In development the pages come from Vite and the API from a server that runs beside it. */
const api = { '/api': 'http://localhost:3001' }

export default defineConfig({
  server: { proxy: api },
  plugins: [compress()],
  build: {
    target: 'es2022',
    // The pages forbid inline scripts.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: ['index.html', 'logs.html', 'status.html'].map((page) => resolve(import.meta.dirname, page)),
    },
  },
})
