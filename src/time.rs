//! Moments and spans in whole seconds, as JWTs count them (RFC 7519 §2, NumericDate).
//!
//! Nothing here reads a clock: the moment of a request is read once at the edge and handed down.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far the clock of others may be ahead of ours, wherever they say when something began: `iat`
/// and `nbf` of assertions, foreign tokens and proofs, and `auth_time`. FAPI 2.0 Security Profile
/// §5.3.2.1 wants up to 10 s accepted and more than 60 s refused; this is far enough from both that
/// no rounding matters.
pub const MAX_AHEAD: Seconds = Seconds(30);

/// How far the clock of others may be behind ours: for how long after its `exp` an assertion is
/// good.
pub const MAX_BEHIND: Seconds = Seconds(8);

/// A moment: seconds since 1970-01-01T00:00:00Z, leap seconds ignored.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The moment `seconds` after the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The moment `span` earlier, or the epoch.
    #[must_use]
    pub const fn minus(self, span: Seconds) -> Self {
        Self(self.0.saturating_sub(span.0 as u64))
    }

    /// The span since an `earlier` moment; none when that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds(u32::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(u32::MAX))
    }

    /// The moment `span` later, or the last one that can be told.
    #[must_use]
    pub const fn plus(self, span: Seconds) -> Self {
        Self(self.0.saturating_add(span.0 as u64))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A span of time in seconds, for lifetimes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Seconds(pub u32);

#[cfg(test)]
mod tests {
    use crate::json::Json as _;

    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_told_is_read(seconds: u64, span: u32) {
            let (moment, span) = (UnixTime::from_seconds(seconds), Seconds(span));
            assert_eq!(moment.to_string().parse(), Ok(seconds));
            assert_eq!(UnixTime::from_json(moment.to_json()), Some(moment));
            assert_eq!(Seconds::from_json(span.to_json()), Some(span));
            if seconds.checked_add(span.0.into()).is_some() {
                assert_eq!(moment.plus(span).minus(span), moment);
                assert_eq!(moment.plus(span).since(moment), span);
            }
        }
    }
}
