import { download } from './download'
import { render } from './preview/render'
import type { Session } from './session'
import style from './preview/preview.css?inline'

export const KINDS = ['md', 'txt', 'html'] as const
export type Kind = (typeof KINDS)[number]

/**
 * Hands the text to the person as a file. HTML is rendered by the server.
 * @throws when the server does not render it.
 */
export async function exportText(session: Session, kind: Kind): Promise<void> {
  const { content, room } = session
  switch (kind) {
    case 'md':
      download(content, `${room}.md`, 'text/markdown')
      break
    case 'txt':
      download(content, `${room}.txt`)
      break
    case 'html': {
      const html = await render(content, session.provider.self?.resumeToken ?? '')
      download(page(room, html), `${room}.html`, 'text/html')
    }
  }
}

/** A room's name has only letters, digits, - and _, so it needs no escape. No script may run in the file either. */
function page(room: string, html: string): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:"
  const head = `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><title>${room}</title><style>${style}</style>`
  return `<!doctype html>\n<html><head>${head}</head><body>\n${html}\n</body></html>\n`
}
