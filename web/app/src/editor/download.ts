/** Hands a text to the person as a file. */
export function download(text: string, fileName: string, type = 'text/plain'): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  link.download = fileName
  link.click()
  URL.revokeObjectURL(link.href)
}
