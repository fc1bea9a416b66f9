import { h } from './dom'
import { icon } from './icons'

/** Shows something above the page until it is closed: by its button, by Escape, or by a click beside it. */
export function openModal(title: string, close: string, ...body: Node[]): HTMLDialogElement {
  const shut = (): void => dialog.close()
  const button = h('button', { type: 'button', class: 'icon-button', 'aria-label': close, title: close, click: shut }, icon('close'))
  const content = h('div', { class: 'modal-body' }, h('header', {}, h('h2', { id: 'modal-title' }, title), button), ...body)
  const dialog = h('dialog', { class: 'modal', 'aria-labelledby': 'modal-title', close: () => dialog.remove() }, content)
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) shut()
  })
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}
