//! What all that objects store has in common: the format that it says, and until when it is kept.
//!
//! The number of a format is that of the oldest version that may go on with what is stored. A
//! version leaves alone what is of a format that it does not know: the request fails, and the
//! version that wrote it finds it as it was.

use crate::json::Object;
use crate::time::UnixTime;

/// The format of what says none.
pub const FIRST_FORMAT: u64 = 1;

/// Why what an object stores cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// A later version wrote it.
    #[error("a {what} of format {format}, which only a later version of the service knows")]
    LaterFormat {
        /// What it is.
        what: &'static str,
        /// The format that it says.
        format: u64,
    },
    /// It is of no format.
    #[error("a {0} that is of no format and cannot be read")]
    Malformed(&'static str),
}

impl Unreadable {
    /// Why `text` could not be read as what it should be.
    #[must_use]
    pub fn of(what: &'static str, text: &str) -> Self {
        let stored = Object::parse(text).ok();
        let format = stored.and_then(|stored| stored.get("format")?.as_u64());
        match format {
            Some(format) if format > FIRST_FORMAT => Self::LaterFormat { what, format },
            _ => Self::Malformed(what),
        }
    }
}

/// When an object whose alarm rings `now` must look again, by the ends of what it stores: `None`
/// when all of it has ended and can be removed.
#[must_use]
pub fn looks_again_at(
    ends: impl IntoIterator<Item = Option<UnixTime>>,
    now: UnixTime,
) -> Option<UnixTime> {
    let last = ends.into_iter().flatten().max();
    last.filter(|last| now < *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_format_is_told_from_what_is_malformed() {
        let later = |format| Unreadable::LaterFormat {
            what: "family",
            format,
        };
        for (text, why) in [
            (r#"{"format":2}"#, later(2)),
            (r#"{"format":3,"sealed":"…"}"#, later(3)),
            (r#"{"format":1}"#, Unreadable::Malformed("family")),
            (r#"{"format":0}"#, Unreadable::Malformed("family")),
            (r#"{"format":-2}"#, Unreadable::Malformed("family")),
            (r#"{"format":"2"}"#, Unreadable::Malformed("family")),
            (
                r#"{"format":2,"format":2}"#,
                Unreadable::Malformed("family"),
            ),
            ("{}", Unreadable::Malformed("family")),
            ("[2]", Unreadable::Malformed("family")),
            ("2", Unreadable::Malformed("family")),
            ("", Unreadable::Malformed("family")),
        ] {
            assert_eq!(Unreadable::of("family", text), why, "{text}");
        }
    }

    #[test]
    fn nothing_is_removed_before_the_last_of_it_has_ended() {
        let at = |seconds| Some(UnixTime::from_seconds(seconds));
        for (ends, again) in [
            ([None, None], None),
            ([at(100), None], None),
            ([at(101), None], at(101)),
            ([None, at(101)], at(101)),
            ([None, at(100)], None),
            ([at(99), at(101)], at(101)),
            ([at(103), at(101)], at(103)),
        ] {
            let now = UnixTime::from_seconds(100);
            assert_eq!(looks_again_at(ends, now), again, "{ends:?}");
        }
    }
}
