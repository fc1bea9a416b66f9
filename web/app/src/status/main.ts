/** The page of the server's state. */

import { openAdminPage } from '../admin/admin-page'
import { StatusView } from './status-view'
import { statusWords } from './words'
import './status.css'

openAdminPage(statusWords().title, (token, failure) => new StatusView(token, failure))
