/** The page of the stored log. */

import { openAdminPage } from '../admin/admin-page'
import { filterFromAddress } from './filter'
import { LogView } from './log-view'
import { logWords } from './words'
import './logs.css'

openAdminPage(logWords().title, (token, failure) => new LogView(token, filterFromAddress(location.search), failure))
