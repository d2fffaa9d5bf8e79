//! Moments and spans as people read and write them.

use chrono::DateTime;
use edge_token::time::{Seconds, UnixTime};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A moment as a date, in UTC.
pub(crate) fn date(moment: UnixTime) -> String {
    let seconds = i64::try_from(moment.seconds()).ok();
    let date = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    date.map_or_else(
        || format!("second {moment}"),
        |date| format!("{}Z", date.naive_utc()),
    )
}

/// A moment as a date and how far it is.
pub(crate) fn date_and_distance(moment: UnixTime, now: UnixTime) -> String {
    format!("{} ({})", date(moment), distance(moment, now))
}

/// How far a moment is, in the greatest unit that says something.
pub(crate) fn distance(moment: UnixTime, now: UnixTime) -> String {
    let (moment, now) = (moment.seconds(), now.seconds());
    match moment.checked_sub(now) {
        Some(0) => "now".to_owned(),
        Some(ahead) => format!("in {}", length(ahead)),
        None => format!("{} ago", length(now.saturating_sub(moment))),
    }
}

/// A span in the greatest unit of which it has two.
pub(crate) fn length(seconds: u64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")];
    let least = |unit: u64| if unit == 1 { 0 } else { unit.saturating_mul(2) };
    let unit = units.into_iter().find(|(unit, _)| seconds >= least(*unit));
    let (unit, name) = unit.unwrap_or((1, "s"));
    format!("{} {name}", seconds.checked_div(unit).unwrap_or_default())
}

/// Reads a span: `90s`, `30m`, `24h`, `7d` or `0`.
pub(crate) fn span(text: &str) -> Result<Seconds, &'static str> {
    let units = [('s', 1), ('m', MINUTE), ('h', HOUR), ('d', DAY)];
    let number = text.strip_suffix(|last| units.iter().any(|(unit, _)| *unit == last));
    let unit = text.chars().last().unwrap_or_default();
    let unit = units.iter().find(|(known, _)| *known == unit);
    let seconds = match (number, unit) {
        (Some(number), Some((_, unit))) => digits(number).and_then(|n| n.checked_mul(*unit)),
        _ => digits(text).filter(|number| *number == 0),
    };
    let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    seconds
        .map(Seconds)
        .ok_or("a whole number with a unit, like `90s`, `30m`, `24h` or `7d`; or `0`")
}

/// Reads a moment that is over: seconds since 1970, or a [`span`] before `now`.
pub(crate) fn past(text: &str, now: UnixTime) -> Result<UnixTime, &'static str> {
    let moment = match digits(text) {
        Some(seconds) => Some(UnixTime::from_seconds(seconds)),
        None => span(text).ok().map(|before| now.minus(before)),
    };
    let moment = moment.ok_or("seconds since 1970, or a span before now, like `30m` or `7d`")?;
    match moment <= now {
        true => Ok(moment),
        false => Err("it is in the future: tokens that are not issued yet would be void"),
    }
}

fn digits(text: &str) -> Option<u64> {
    let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_strictly() {
        for (text, seconds) in [
            ("0", 0),
            ("0s", 0),
            ("90s", 90),
            ("30m", 1_800),
            ("24h", 86_400),
            ("7d", 604_800),
        ] {
            assert_eq!(span(text), Ok(Seconds(seconds)), "{text}");
        }
        for text in [
            "",
            "s",
            "1",
            "-1h",
            "+1h",
            "1.5h",
            "1 h",
            "1H",
            "1w",
            "1h30m",
            "99999999d",
            "ä",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_that_are_over_are_read_strictly() {
        let now = UnixTime::from_seconds(1_000_000);
        for (text, seconds) in [
            ("0", 0),
            ("999999", 999_999),
            ("1000000", 1_000_000),
            ("0s", 1_000_000),
            ("30m", 998_200),
            ("20d", 0),
        ] {
            let moment = UnixTime::from_seconds(seconds);
            assert_eq!(past(text, now), Ok(moment), "{text}");
        }
        for (text, why) in [
            ("1000001", "it is in the future"),
            ("", "seconds since 1970, or a span"),
            ("-1", "seconds since 1970, or a span"),
            ("+1", "seconds since 1970, or a span"),
            ("1.5", "seconds since 1970, or a span"),
            ("now", "seconds since 1970, or a span"),
            ("1970-01-01", "seconds since 1970, or a span"),
            ("99999999999999999999", "seconds since 1970, or a span"),
        ] {
            let error = past(text, now).unwrap_err();
            assert!(error.starts_with(why), "{text}: {error}");
        }
    }

    #[test]
    fn moments_are_dates_in_utc_with_a_distance() {
        let now = UnixTime::from_seconds(1_795_376_712);
        for (seconds, text) in [
            (1_795_376_712, "2026-11-22 19:45:12Z (now)"),
            (1_795_376_801, "2026-11-22 19:46:41Z (in 89 s)"),
            (1_795_380_311, "2026-11-22 20:45:11Z (in 59 min)"),
            (1_795_383_913, "2026-11-22 21:45:13Z (in 2 h)"),
            (1_795_981_512, "2026-11-29 19:45:12Z (in 7 d)"),
            (1_795_376_412, "2026-11-22 19:40:12Z (5 min ago)"),
        ] {
            let moment = UnixTime::from_seconds(seconds);
            assert_eq!(date_and_distance(moment, now), text);
        }
    }
}
