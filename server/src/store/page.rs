//! Cutting the log into pages, in the same way for every store.

use std::ops::RangeInclusive;

use collab_proto::api::{LogEntry, LogPage, LogQuery};

use super::StoreError;

/// How many entries a page has when the query does not say.
const LIMIT_DEFAULT: u32 = 100;

/// How many entries a page has at most.
const LIMIT_MAX: u32 = 1_000;

/// How many entries one query looks at, so that a filter that matches nothing does not read a whole log at once.
pub(super) const SCAN_MAX: usize = 100_000;

/// The entries a query may look at, and from which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    first: u64,
    last: u64,
    /// Whether the oldest comes first.
    pub(super) ascending: bool,
}

impl Span {
    /// What `query` asks for in a log whose newest entry is `newest`.
    pub(super) fn new(query: &LogQuery, newest: u64) -> Self {
        Self {
            first: query.after.map_or(1, |after| after.saturating_add(1)),
            last: query.before.map_or(newest, |before| newest.min(before.saturating_sub(1))),
            ascending: query.after.is_some(),
        }
    }

    /// The numbers to look at, or none.
    pub(super) fn range(self) -> Option<RangeInclusive<u64>> {
        (self.first <= self.last).then_some(self.first..=self.last)
    }
}

/// Takes the entries that match from `rows`, which runs through `span` in its order, until the page is full or
/// [`SCAN_MAX`] were looked at.
pub(super) fn page(
    query: &LogQuery,
    span: Span,
    rows: impl Iterator<Item = Result<LogEntry, StoreError>>,
) -> Result<LogPage, StoreError> {
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX) as usize;
    let filter = Filter::new(query);
    let mut page = LogPage { first_seq: span.first, last_seq: span.last, ..LogPage::default() };
    let mut edge = 0;
    for (looked_at, row) in rows.enumerate() {
        if page.entries.len() == limit || looked_at == SCAN_MAX {
            let end = if span.ascending { &mut page.last_seq } else { &mut page.first_seq };
            *end = edge;
            page.more = true;
            break;
        }
        let entry = row?;
        edge = entry.seq;
        if filter.accepts(&entry) {
            page.entries.push(entry);
        }
    }
    Ok(page)
}

/// What an entry must be like, besides its number.
struct Filter<'q> {
    query: &'q LogQuery,
    user: Option<String>,
}

impl<'q> Filter<'q> {
    fn new(query: &'q LogQuery) -> Self {
        Self { query, user: query.user.as_ref().map(|user| user.to_lowercase()) }
    }

    fn accepts(&self, entry: &LogEntry) -> bool {
        let LogQuery { room, kind, since_ms, until_ms, .. } = self.query;
        room.as_ref().is_none_or(|room| entry.room.as_ref() == Some(room))
            && kind.is_none_or(|kind| entry.kind == kind)
            && since_ms.is_none_or(|since| entry.time_ms >= since)
            && until_ms.is_none_or(|until| entry.time_ms < until)
            && self.user.as_ref().is_none_or(|user| is_by(entry, user))
    }
}

/// Whether the name contains `user`, which is in lower case, or the member id is `user`.
fn is_by(entry: &LogEntry, user: &str) -> bool {
    entry.name.as_ref().is_some_and(|name| name.to_lowercase().contains(user))
        || entry.member.is_some_and(|member| member.to_string() == user)
}

#[cfg(test)]
mod tests {
    use collab_proto::api::LogKind;

    use super::*;
    use crate::audit::NewEntry;

    fn row(seq: u64) -> Result<LogEntry, StoreError> {
        Ok(NewEntry::new(0, LogKind::Joined).numbered(seq))
    }

    #[test]
    fn a_filter_that_matches_nothing_is_answered_in_bounded_steps() {
        let newest = SCAN_MAX as u64 + 10;
        let query = LogQuery { kind: Some(LogKind::Kicked), ..LogQuery::default() };
        let span = Span::new(&query, newest);
        let first = page(&query, span, (1..=newest).rev().map(row)).expect("a page");
        assert_eq!((first.entries.len(), first.first_seq, first.last_seq, first.more), (0, 11, newest, true));

        let query = LogQuery { before: Some(first.first_seq), ..query };
        let rest = page(&query, Span::new(&query, newest), (1..=10).rev().map(row)).expect("a page");
        assert_eq!((rest.first_seq, rest.last_seq, rest.more), (1, 10, false));

        let query = LogQuery { after: Some(0), before: None, ..query };
        let forth = page(&query, Span::new(&query, newest), (1..=newest).map(row)).expect("a page");
        assert_eq!((forth.first_seq, forth.last_seq, forth.more), (1, SCAN_MAX as u64, true));
    }

    #[test]
    fn a_full_page_says_more_only_when_there_is_more() {
        let query = LogQuery { limit: Some(2), ..LogQuery::default() };
        let full = page(&query, Span::new(&query, 2), (1..=2).rev().map(row)).expect("a page");
        assert_eq!((full.entries.len(), full.more), (2, false));
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error() {
        let query = LogQuery::default();
        let damaged = StoreError::Damaged("bad".into());
        let rows = [row(2), Err(damaged.clone())];
        assert_eq!(page(&query, Span::new(&query, 2), rows.into_iter()), Err(damaged));
    }
}
