//! `collab-cli logs`: the server's audit log, filtered, followed, for people or for programs.

use std::time::Duration;

use collab_client::api::ApiFailure;
use collab_proto::RoomName;
use collab_proto::api::{LogEntry, LogKind, LogPage, LogQuery};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::args::Global;
use crate::connect::{self, Server};
use crate::output::{self, escape};
use crate::time;

/// How long one request of `--follow` waits for news at the server, in milliseconds.
const WAIT_MS: u32 = 25_000;

/// How long `--follow` waits before it asks a server again that cannot be reached.
const RETRY: Duration = Duration::from_secs(1);

/// The most entries that one request asks for.
const PAGE: u32 = 1_000;

const EXAMPLES: &str = "\
Examples:
  collab-cli logs --since 1h
  collab-cli logs --room demo --kind edited --user anna --limit 20
  collab-cli logs --follow
  collab-cli logs --room demo --json | jq -r .kind | sort | uniq -c

Entries come oldest first. The admin token lies in the server's data directory; see --admin-token-file.";

/// What to show of the log.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Command {
    /// Only this room
    #[arg(long)]
    room: Option<RoomName>,
    /// Only this kind, such as joined, edited, refused (a wrong one is answered with the whole list)
    #[arg(long)]
    kind: Option<LogKind>,
    /// Only people whose name contains this, or whose member number is this
    #[arg(long)]
    user: Option<String>,
    /// Not before this time: 15m, 1h, 2d (ago), 2026-11-23, "2026-11-23 06:30", or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<u64>,
    /// Before this time, written as for --since
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<u64>,
    /// The newest entries, this many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on, and print entries as they come (Ctrl-C ends it)
    #[arg(long, short, conflicts_with = "until")]
    follow: bool,
}

/// Prints the log.
pub async fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    let server = connect::as_admin(global)?;
    let mut printer = Printer { json: global.json, zone: time::zone(), header: false };
    let (entries, last_seq) = newest(&server, command).await?;
    printer.print(&entries)?;
    if !command.follow {
        return Ok(());
    }
    tokio::select! {
        result = follow(&server, command, last_seq, &mut printer) => result,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

fn parse_time(text: &str) -> Result<u64, String> {
    let time = time::parse(text, Timestamp::now())?;
    u64::try_from(time.as_millisecond()).map_err(|_| format!("{text:?} is before 1970"))
}

impl Command {
    fn query(&self) -> LogQuery {
        LogQuery {
            room: self.room.clone(),
            kind: self.kind,
            user: self.user.clone(),
            since_ms: self.since,
            until_ms: self.until,
            ..LogQuery::default()
        }
    }
}

/// The newest entries that match, oldest first, and the number to follow from.
async fn newest(server: &Server, command: &Command) -> anyhow::Result<(Vec<LogEntry>, u64)> {
    let (mut entries, mut before, mut last_seq) = (Vec::new(), None, None);
    while entries.len() < command.limit as usize {
        let left = command.limit - entries.len() as u32;
        let query = LogQuery { before, limit: Some(left.min(PAGE)), ..command.query() };
        let page = server.answer(server.api.logs(&query).await, "")?;
        last_seq.get_or_insert(page.last_seq);
        // A page may hold nothing that matches, and still not be the last.
        before = Some(page.first_seq);
        entries.extend(page.entries);
        if !page.more {
            break;
        }
    }
    entries.reverse();
    Ok((entries, last_seq.unwrap_or_default()))
}

/// Prints what comes after an entry, for as long as it may. A server that restarts is waited for.
async fn follow(server: &Server, command: &Command, mut after: u64, printer: &mut Printer) -> anyhow::Result<()> {
    let mut reachable = true;
    loop {
        let query = LogQuery { after: Some(after), wait_ms: Some(WAIT_MS), limit: Some(PAGE), ..command.query() };
        let result = server.api.logs(&query).await;
        if let Err(failure @ ApiFailure::Unreachable { .. }) = &result {
            if std::mem::take(&mut reachable) {
                output::tell(&format!("{failure}; trying again"));
            }
            tokio::time::sleep(RETRY).await;
            continue;
        }
        let LogPage { entries, last_seq, .. } = server.answer(result, "")?;
        reachable = true;
        printer.print(&entries)?;
        after = last_seq.max(after);
    }
}

struct Printer {
    json: bool,
    zone: TimeZone,
    header: bool,
}

impl Printer {
    fn print(&mut self, entries: &[LogEntry]) -> anyhow::Result<()> {
        if self.json {
            return entries.iter().try_for_each(output::print_json);
        }
        let mut text = String::new();
        if !self.header && !entries.is_empty() {
            self.header = true;
            let header = header();
            text +=
                &if output::stdout_has_colours() { format!("\x1b[1m{}\x1b[0m\n", header.trim_end()) } else { header };
        }
        for entry in entries {
            text += &line(entry, &self.zone);
        }
        output::print(&text)
    }
}

fn header() -> String {
    columns(["TIME", "KIND", "ROOM", "NAME", "MEMBER", "ADDRESS", "BYTES", "DETAIL"].map(str::to_owned))
}

fn line(entry: &LogEntry, zone: &TimeZone) -> String {
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "-".into(), escape);
    let number = |value: Option<u64>| value.map_or_else(|| "-".into(), |value| value.to_string());
    columns([
        time::show(entry.time_ms, zone),
        entry.kind.to_string(),
        entry.room.as_ref().map_or_else(|| "-".into(), ToString::to_string),
        text(&entry.name),
        number(entry.member.map(|member| member.0)),
        text(&entry.address),
        number(entry.bytes),
        entry.detail.as_deref().map(escape).unwrap_or_default(),
    ])
}

/// Pads by what a terminal shows, so that names in any script stay aligned.
fn columns(cells: [String; 8]) -> String {
    let widths = [23_usize, 16, 16, 16, 16, 21, 7, 0];
    let right = [false, false, false, false, true, false, true, false];
    let mut line = String::new();
    for ((cell, width), right) in cells.iter().zip(widths).zip(right) {
        let padding = " ".repeat(width.saturating_sub(unicode_width::UnicodeWidthStr::width(cell.as_str())));
        let (before, after) = if right { (padding.as_str(), "") } else { ("", padding.as_str()) };
        line += &format!("{before}{cell}{after}  ");
    }
    line.truncate(line.trim_end().len());
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use collab_proto::MemberId;

    fn entry() -> LogEntry {
        LogEntry {
            seq: 7,
            time_ms: 1_000,
            kind: LogKind::Edited,
            room: RoomName::parse("demo").ok(),
            member: Some(MemberId(42)),
            name: Some("日本\x1b[31m".into()),
            address: Some("127.0.0.1:5000".into()),
            bytes: Some(12),
            detail: None,
        }
    }

    #[test]
    fn an_entry_is_one_harmless_aligned_line() {
        let line = line(&entry(), &TimeZone::UTC);
        assert!(!line.contains('\x1b'));
        assert_eq!(line.matches('\n').count(), 1);
        let column = |text: &str, word: &str| unicode_width::UnicodeWidthStr::width(&text[..text.find(word).unwrap()]);
        assert_eq!(column(&line, "127.0.0.1"), column(&header(), "ADDRESS"));
        assert!(line.starts_with("1970-01-01 00:00:01.000  edited            demo"));
    }

    #[test]
    fn what_is_missing_is_a_dash() {
        let bare = LogEntry { room: None, member: None, name: None, address: None, bytes: None, ..entry() };
        let line = line(&bare, &TimeZone::UTC);
        assert_eq!(line.split_whitespace().collect::<Vec<_>>()[2..], ["edited", "-", "-", "-", "-", "-"]);
    }
}
