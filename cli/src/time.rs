//! Times as people write and read them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Reads a time: how long ago (`90s`, `15m`, `1h`, `2d`, `1h30m`), RFC 3339 (`2026-11-23T06:30:00Z`), or a date with or without a
/// time of day in the local zone (`2026-11-23`, `2026-11-23 06:30`).
///
/// # Errors
/// A sentence that says what is accepted.
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(ago) = ago(text) {
        return now.checked_sub(ago).map_err(|_| format!("{text:?} is too long ago"));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let local = text.parse::<DateTime>();
    let zoned = local.and_then(|local| local.to_zoned(TimeZone::system())).map(|zoned| zoned.timestamp());
    zoned.map_err(|_| {
        format!("{text:?} is not a time; write 15m, 1h, 2d, 2026-11-23, \"2026-11-23 06:30\" or 2026-11-23T06:30:00Z")
    })
}

/// A sum of numbers with a unit: `1d12h`. Days have 24 hours.
fn ago(text: &str) -> Result<SignedDuration, ()> {
    let (mut rest, mut seconds) = (text.trim(), 0_i64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(())?;
        let number: i64 = rest[..digits].parse().map_err(|_| ())?;
        let unit = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return Err(()),
        };
        seconds = number.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or(())?;
        rest = &rest[digits + 1..];
    }
    if text.trim().is_empty() { Err(()) } else { Ok(SignedDuration::from_secs(seconds)) }
}

/// Reads a length of time: `30m`, `12h`, `7d`.
///
/// # Errors
/// A sentence that says what is accepted.
pub fn parse_span(text: &str) -> Result<std::time::Duration, String> {
    let span = ago(text).ok().and_then(|span| std::time::Duration::try_from(span).ok());
    span.ok_or_else(|| format!("{text:?} is not a length of time; write 30m, 12h or 7d"))
}

/// A time of the log for people, in a zone: `2026-11-23 07:30:05.123`.
pub fn show(ms: u64, zone: &TimeZone) -> String {
    match i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
        Some(time) => time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        None => format!("{ms} ms"),
    }
}

/// A past moment as people say it, in a zone: `today at 18:03`, `yesterday at 18:03`, `on 2026-11-21 at 18:03`.
pub fn day(ms: u64, now: Timestamp, zone: TimeZone) -> String {
    let Some(then) = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()) else {
        return "some time ago".into();
    };
    let (then, today) = (then.to_zoned(zone.clone()), now.to_zoned(zone).date());
    let clock = then.strftime("at %H:%M");
    match then.date() {
        date if date == today => format!("today {clock}"),
        date if today.yesterday().is_ok_and(|yesterday| date == yesterday) => format!("yesterday {clock}"),
        date => format!("on {date} {clock}"),
    }
}

/// The local zone.
pub fn zone() -> TimeZone {
    TimeZone::system()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn at(text: &str) -> String {
        parse(text, now()).unwrap().to_string()
    }

    #[test]
    fn a_length_of_time_is_a_sum_of_units() {
        assert_eq!(parse_span("1d12h"), Ok(std::time::Duration::from_secs(36 * 3600)));
        assert!(parse_span("").is_err() && parse_span("soon").is_err() && parse_span("2026-11-23").is_err());
    }

    #[test]
    fn a_span_counts_back_from_now() {
        assert_eq!(at("1h"), "2026-11-23T11:00:00Z");
        assert_eq!(at("1d12h"), "2026-11-22T00:00:00Z");
        assert_eq!(at("90s"), "2026-11-23T11:58:30Z");
    }

    #[test]
    fn a_moment_may_carry_its_zone() {
        assert_eq!(at("2026-11-23T06:30:00+01:00"), "2026-11-23T05:30:00Z");
    }

    #[test]
    fn a_date_is_local() {
        let zone = TimeZone::system();
        let noon = parse("2026-11-23 12:00", now()).unwrap().to_zoned(zone.clone());
        assert_eq!(noon.datetime().to_string(), "2026-11-23T12:00:00");
        assert_eq!(parse("2026-11-23", now()).unwrap().to_zoned(zone).hour(), 0);
    }

    #[test]
    fn nonsense_is_answered_with_what_is_accepted() {
        for text in ["", "yesterday", "1x", "h", "5", "99999999999999d", "9999999w"] {
            let error = parse(text, now()).err();
            assert!(error.is_some(), "{text:?} passed");
        }
        assert!(parse("soon", now()).unwrap_err().contains("15m"));
    }

    #[test]
    fn a_past_day_is_named() {
        let at = |time: &str| day(time.parse::<Timestamp>().unwrap().as_millisecond() as u64, now(), TimeZone::UTC);
        assert_eq!(at("2026-11-23T00:05:00Z"), "today at 00:05");
        assert_eq!(at("2026-11-22T23:59:00Z"), "yesterday at 23:59");
        assert_eq!(at("2026-11-21T23:59:00Z"), "on 2026-11-21 at 23:59");
        assert_eq!(day(u64::MAX, now(), TimeZone::UTC), "some time ago");
    }

    #[test]
    fn any_number_of_milliseconds_is_shown() {
        assert_eq!(show(0, &TimeZone::UTC), "1970-01-01 00:00:00.000");
        assert_eq!(show(u64::MAX, &TimeZone::UTC), format!("{} ms", u64::MAX));
    }
}
