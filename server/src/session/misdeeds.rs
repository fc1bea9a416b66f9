//! What one session may write to the audit log about what it was refused: a flood of bad requests must not displace what
//! others did.

use std::time::Instant;

use crate::audit::NewEntry;
use crate::bucket::Bucket;

/// Refusals of a session that are logged one by one, at once.
const BURST: f64 = 20.0;

/// Refusals of a session that are logged after that, a second.
const PER_SECOND: f64 = 0.5;

/// Counts what is not logged.
#[derive(Debug)]
pub struct Misdeeds {
    quota: Bucket,
    left_out: u64,
}

impl Misdeeds {
    /// A session that did nothing yet.
    pub fn new(now: Instant) -> Self {
        Self { quota: Bucket::full(BURST, PER_SECOND, now), left_out: 0 }
    }

    /// The entry to log, if one may be logged now. It says how many were left out before it.
    pub fn note(&mut self, now: Instant, entry: NewEntry) -> Option<NewEntry> {
        if !self.quota.take(now) {
            self.left_out += 1;
            return None;
        }
        let left_out = std::mem::take(&mut self.left_out);
        if left_out == 0 {
            return Some(entry);
        }
        let detail = entry.detail.unwrap_or_default();
        Some(NewEntry { detail: Some(format!("{detail} {left_out} earlier ones are not in the log.")), ..entry })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use collab_proto::api::LogKind;

    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_logged() {
        let now = Instant::now();
        let mut misdeeds = Misdeeds::new(now);
        let entry = || NewEntry { detail: Some("Bad.".into()), ..NewEntry::new(0, LogKind::Refused) };
        let logged = (0..1000).filter(|_| misdeeds.note(now, entry()).is_some()).count();
        assert_eq!(logged, 20);
        let next = misdeeds.note(now + Duration::from_secs(2), entry()).unwrap();
        assert_eq!(next.detail.as_deref(), Some("Bad. 980 earlier ones are not in the log."));
        let next = misdeeds.note(now + Duration::from_secs(4), entry()).unwrap();
        assert_eq!(next.detail.as_deref(), Some("Bad."));
    }
}
