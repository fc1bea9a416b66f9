/** What the owner of a room can do, as a dialog above the page. */

export { OwnerPanel, type Ownership } from './owner-panel'
export { forgetOwnerToken, keepOwnerToken, keptOwnerToken } from './owner-token'
