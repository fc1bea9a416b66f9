/** Line icons of 24 units, drawn in the colour of the text around them. */
const PATHS = {
  undo: 'M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'm15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3',
  find: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4',
  preview: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  share: 'M12 15V4M8 7.5 12 3.5l4 4M5 12v7.5h14V12',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  leave: 'M14 4h5.5v16H14M10 8l-4 4 4 4M6 12h9',
  close: 'M6 6l12 12M18 6 6 18',
  drop: 'M12 4v11M8 11.5l4 4 4-4M5 19.5h14',
} as const

export type Icon = keyof typeof PATHS

const SVG = 'http://www.w3.org/2000/svg'

/** A picture for the eye; what it means must be said by the element around it. */
export function icon(name: Icon): SVGSVGElement {
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', PATHS[name])
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  svg.append(path)
  return svg
}
