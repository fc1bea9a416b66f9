import { correction, generate } from 'lean-qr'
import { toSvg } from 'lean-qr/extras/svg'

/** A QR code as a picture, black on white in any colour scheme: that is what cameras read. */
export function qrCode(text: string, label: string): SVGElement {
  const code = generate(text, { minCorrectionLevel: correction.M })
  const svg = toSvg(code, document, { on: 'black', off: 'white', padX: 3, padY: 3, width: null, height: null })
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  return svg
}
