//! How long the disk takes to keep something that is appended to a file and synced: what *saved* is compared with. A write past
//! the system's cache, as the server's journal takes where it can, may be a little shorter.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Stopwatch;
use crate::stats::Summary;

/// A block of the database.
const BLOCK: [u8; 4096] = [7; 4096];

/// How often at most.
const TIMES: usize = 200;

/// For how long at most.
const LIMIT: Duration = Duration::from_secs(1);

/// Appends blocks to a file in a folder, which is removed again, with a sync (fdatasync) after each.
pub fn sync(folder: &Path) -> anyhow::Result<Summary> {
    let path = folder.join("sync-test");
    let measured = measure(&path);
    std::fs::remove_file(&path)?;
    measured
}

fn measure(path: &Path) -> anyhow::Result<Summary> {
    let (mut file, mut watch) = (File::create_new(path)?, Stopwatch::start(LIMIT)?);
    for _ in 0..TIMES {
        let begun = Instant::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        watch.lap(begun);
        if !watch.goes_on() {
            break;
        }
    }
    Ok(watch.latency.summary())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_counted_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let syncs = sync(folder.path()).unwrap();
        assert!((1..=TIMES as u64).contains(&syncs.count) && syncs.p50_us > 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
