//! What the figures were taken on, and what processes use, from /proc.

use std::fmt;
use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where and when a run was, so that figures are not read without it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// When it began, in UTC (RFC 3339).
    pub began: String,
    /// Processors that this program may use.
    pub cores: usize,
    /// The processor's own name, when it tells.
    pub processor: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Load average over one minute before the run: how busy the machine was with other things.
    pub load_before: Option<f64>,
    /// Load average over one minute after the run.
    pub load_after: Option<f64>,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, in user and system mode.
    pub cpu: Duration,
    /// Memory now, in bytes.
    pub rss_bytes: u64,
    /// The most memory so far, in bytes.
    pub peak_rss_bytes: u64,
}

impl Machine {
    /// Looks at the machine before a run.
    pub fn observe() -> Self {
        Self {
            began: Timestamp::now().strftime("%FT%TZ").to_string(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| processor(&text)),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned()),
            load_before: load(),
            load_after: None,
        }
    }

    /// Looks at it again after the run.
    pub fn observe_after(&mut self) {
        self.load_after = load();
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = |load: Option<f64>| load.map_or("?".to_owned(), |load| format!("{load:.2}"));
        let (processor, kernel) = (self.processor.as_deref(), self.kernel.as_deref());
        write!(f, "{} cores, {}", self.cores, processor.unwrap_or("unknown processor"))?;
        write!(f, ", Linux {}, load {} before", kernel.unwrap_or("?"), load(self.load_before))?;
        write!(f, " and {} after", load(self.load_after))
    }
}

impl Usage {
    /// Of a process by its id; none when it is gone or the system has no /proc.
    pub fn of(pid: u32) -> Option<Self> {
        Self::read(&pid.to_string())
    }

    /// Of this process.
    pub fn own() -> Option<Self> {
        Self::read("self")
    }

    /// Of all processes of a process group together; none when there is none. What several of them share counts for each, and
    /// the peak is the sum of their peaks.
    pub fn of_group(group: u32) -> Option<Self> {
        let processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        processes.filter(|pid| group_of(pid) == Some(group)).filter_map(|pid| Self::read(&pid)).reduce(Self::and)
    }

    fn and(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            rss_bytes: self.rss_bytes + other.rss_bytes,
            peak_rss_bytes: self.peak_rss_bytes + other.peak_rss_bytes,
        }
    }

    fn read(pid: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        Some(Self {
            cpu: Duration::from_secs_f64(cpu_ticks(&stat)? as f64 / ticks_per_second as f64),
            rss_bytes: kilobytes(&status, "VmRSS:")? * 1024,
            peak_rss_bytes: kilobytes(&status, "VmHWM:")? * 1024,
        })
    }
}

fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn group_of(pid: &str) -> Option<u32> {
    pid.parse::<u32>().ok()?;
    field(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, 2)?.parse().ok()
}

/// The fields of a process's state, from its third on. The program's name stands before them in parentheses and may hold
/// anything, so counting begins behind it.
fn field(stat: &str, number: usize) -> Option<&str> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(number)
}

/// `utime + stime`.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let user: u64 = field(stat, 11)?.parse().ok()?;
    let system: u64 = field(stat, 12)?.parse().ok()?;
    Some(user + system)
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_in_spite_of_odd_program_names() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 3 0 100 1000 10";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(kilobytes("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t 1024 kB\n", "VmRSS:"), Some(1024));
        assert_eq!(field(stat, 2), Some("42"));
        assert_eq!(cpu_ticks("nonsense"), None);
        assert_eq!(processor("x: y\nmodel name\t: Fast One\n"), Some("Fast One".to_owned()));
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Usage::own().unwrap();
        assert!(usage.rss_bytes > 0 && usage.peak_rss_bytes >= usage.rss_bytes);
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
