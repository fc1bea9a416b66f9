import { resolve } from 'node:path'
import { defineConfig } from 'vite'

const page = (name: string): string => resolve(import.meta.dirname, name, 'index.html')

export default defineConfig({
  root: import.meta.dirname,
  build: { target: 'es2022', rollupOptions: { input: [page('plain'), page('textarea')] } },
})
