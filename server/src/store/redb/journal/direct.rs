//! Writing past the system's cache: what is written is durable by one request to the disk, without a sync behind it.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;
use redb::backends::FileBackend;
use rustix::fs::OFlags;
use rustix::io::{Errno, ReadWriteFlags, pwritev2, retry_on_intr};

/// A file that is read through the system's cache and written past it, for as long as its file system takes that.
#[derive(Debug)]
struct DirectFile {
    cached: FileBackend,
    direct: File,
    /// Whether the file system turned out not to.
    refused: AtomicBool,
}

/// The file `path`, which is open already, written directly where its file system takes that. What is written must begin, in memory
/// and in the file, and end at a multiple of [`super::SECTOR`]; otherwise it goes through the cache as well.
pub(super) fn direct(path: &Path, cached: FileBackend) -> Box<dyn StorageBackend> {
    match open(path) {
        Ok(direct) => Box::new(DirectFile { cached, direct, refused: AtomicBool::new(false) }),
        Err(error) => {
            tell(&error);
            Box::new(cached)
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).custom_flags(OFlags::DIRECT.bits() as i32).open(path)
}

fn tell(why: &io::Error) {
    tracing::info!(%why, "the journal is written through the system's cache, since its file system takes no direct writes");
}

/// Writes all of it. It is durable when this returns, as after `fdatasync`: pwritev2(2), `RWF_DSYNC`.
fn write_durably(file: &File, mut offset: u64, mut data: &[u8]) -> rustix::io::Result<()> {
    while !data.is_empty() {
        let written = retry_on_intr(|| pwritev2(file, &[IoSlice::new(data)], offset, ReadWriteFlags::DSYNC))?;
        if written == 0 {
            return Err(Errno::IO);
        }
        offset += written as u64;
        data = &data[written..];
    }
    Ok(())
}

impl DirectFile {
    /// None when the file system does not take it.
    fn write_directly(&self, offset: u64, data: &[u8]) -> Option<io::Result<()>> {
        if self.refused.load(Ordering::Relaxed) {
            return None;
        }
        match write_durably(&self.direct, offset, data) {
            Err(error @ (Errno::INVAL | Errno::OPNOTSUPP)) => {
                tell(&error.into());
                self.refused.store(true, Ordering::Relaxed);
                None
            }
            done => Some(done.map_err(io::Error::from)),
        }
    }
}

impl StorageBackend for DirectFile {
    fn len(&self) -> io::Result<u64> {
        self.cached.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.cached.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.cached.set_len(len)
    }

    /// What was written directly needs none.
    fn sync_data(&self) -> io::Result<()> {
        if self.refused.load(Ordering::Relaxed) { self.cached.sync_data() } else { Ok(()) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_directly(offset, data).unwrap_or_else(|| self.cached.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.cached.close()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ring::hmac::{HMAC_SHA256, Key};
    use tempfile::NamedTempFile;

    use super::super::SECTOR;
    use super::super::copies::Buffer;
    use super::*;

    /// A file of four sectors, through the cache.
    fn cached() -> (NamedTempFile, FileBackend) {
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), vec![1; 4 * SECTOR]).unwrap();
        let cached = FileBackend::new(file.reopen().unwrap()).unwrap();
        (file, cached)
    }

    fn written(backend: &dyn StorageBackend, path: &Path, offset: usize, data: &[u8]) -> Vec<u8> {
        backend.write(offset as u64, data).unwrap();
        backend.sync_data().unwrap();
        let mut bytes = vec![0; 4 * SECTOR];
        backend.read(0, &mut bytes).unwrap();
        assert!(bytes == fs::read(path).unwrap(), "whoever reads it sees the same");
        bytes
    }

    #[test]
    fn what_is_written_directly_and_through_the_cache_is_the_same() {
        let ((first, cached), (second, other)) = (cached(), self::cached());
        let direct = direct(first.path(), cached);
        let (mut buffer, key) = (Buffer::default(), Key::new(HMAC_SHA256, b"key"));
        for (offset, body) in [(SECTOR, &b"one"[..]), (2 * SECTOR, b"two"), (0, b"three")] {
            let record = buffer.record(&key, 1, body);
            let bytes = written(&*direct, first.path(), offset, record);
            assert!(bytes == written(&other, second.path(), offset, record));
            assert!(bytes[offset..offset + 2 * SECTOR] == *record);
        }
    }

    #[test]
    fn what_a_direct_write_does_not_take_goes_through_the_cache() {
        let (file, cached) = cached();
        // What stands on it takes no durable writes, as some file systems take no direct ones.
        let without = OpenOptions::new().write(true).open("/proc/self/oom_score_adj").unwrap();
        let direct = DirectFile { cached, direct: without, refused: AtomicBool::new(false) };
        for offset in [0, 2 * SECTOR] {
            let bytes = written(&direct, file.path(), offset, &[7; SECTOR]);
            assert!(bytes[offset..offset + SECTOR] == [7; SECTOR]);
            assert!(direct.refused.load(Ordering::Relaxed), "so what is written is synced");
        }
    }

    #[test]
    fn a_failure_of_the_disk_is_one() {
        let (file, cached) = cached();
        let read_only = File::open(file.path()).unwrap();
        let direct = DirectFile { cached, direct: read_only, refused: AtomicBool::new(false) };
        direct.write(0, &[7; SECTOR]).unwrap_err();
        assert!(!direct.refused.load(Ordering::Relaxed));
        assert!(fs::read(file.path()).unwrap() == [1; 4 * SECTOR]);
    }
}
