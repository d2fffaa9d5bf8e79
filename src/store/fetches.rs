//! Who fetches what many requests want at once: one of them, while the others wait, and nobody for a
//! while after it failed.
//!
//! In a Worker a request cannot await what another one began, and one whose caller is gone ends
//! without a word. So what is kept here are notes with a time, and those that wait look at them again
//! and again.

use std::cell::RefCell;

use super::StoreError;
use crate::time::{Seconds, UnixTime};

/// After that time the request that fetches has given up, or was ended: a fetch takes 3 s at most, and
/// either of two times can be cut off by nearly a second.
const ABANDONED_AFTER: Seconds = Seconds(4);

/// For how long what failed is not fetched again.
const RETRY_AFTER: Seconds = Seconds(5);

/// Notes by name, of which there are as many as the configuration has.
#[derive(Debug, Default)]
pub struct Fetches(RefCell<Vec<(String, Note)>>);

#[derive(Debug)]
enum Note {
    /// A request began to fetch it then.
    Begun(UnixTime),
    /// It failed then.
    Failed(UnixTime, StoreError),
}

/// What a request has to do that needs something.
#[derive(Debug, Eq, PartialEq)]
pub enum Turn {
    /// Fetch it. The others know.
    Fetch,
    /// Look again a little later whether it is there: another one fetches it.
    Wait,
    /// Do without: it failed a moment ago.
    Failed(StoreError),
}

impl Fetches {
    /// Whose turn it is to fetch something `now`.
    pub fn turn(&self, name: &str, now: UnixTime) -> Turn {
        let mut notes = self.0.borrow_mut();
        let note = notes.iter_mut().find(|(known, _)| known == name);
        let is_recent = |at: UnixTime, span: Seconds| at <= now && now.since(at) < span;
        let begun = Note::Begun(now);
        match note {
            Some((_, Note::Begun(at))) if is_recent(*at, ABANDONED_AFTER) => return Turn::Wait,
            Some((_, Note::Failed(at, error))) if is_recent(*at, RETRY_AFTER) => {
                return Turn::Failed(error.clone());
            }
            Some((_, note)) => *note = begun,
            None => notes.push((name.to_owned(), begun)),
        }
        Turn::Fetch
    }

    /// Notes `now` how it ended.
    pub fn ended(&self, name: &str, now: UnixTime, failure: Option<&StoreError>) {
        let mut notes = self.0.borrow_mut();
        notes.retain(|(known, _)| known != name);
        let failed = failure.map(|error| Note::Failed(now, error.clone()));
        notes.extend(failed.map(|note| (name.to_owned(), note)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn one_fetches_and_the_others_wait_until_it_ends() {
        let fetches = Fetches::default();
        assert_eq!(fetches.turn("a", at(10)), Turn::Fetch);
        for now in [10, 11, 13] {
            assert_eq!(fetches.turn("a", at(now)), Turn::Wait, "{now}");
        }
        // Something else is another matter.
        assert_eq!(fetches.turn("b", at(10)), Turn::Fetch);
        fetches.ended("a", at(13), None);
        assert_eq!(fetches.turn("a", at(13)), Turn::Fetch);
        assert_eq!(fetches.turn("b", at(13)), Turn::Wait);
    }

    #[test]
    fn a_request_that_was_ended_holds_nobody_up_for_long() {
        let fetches = Fetches::default();
        assert_eq!(fetches.turn("a", at(10)), Turn::Fetch);
        assert_eq!(fetches.turn("a", at(14)), Turn::Fetch);
        assert_eq!(fetches.turn("a", at(14)), Turn::Wait);
        // A clock that was set back.
        assert_eq!(fetches.turn("a", at(5)), Turn::Fetch);
    }

    #[test]
    fn what_failed_is_not_fetched_again_for_a_while() {
        let fetches = Fetches::default();
        assert_eq!(fetches.turn("a", at(10)), Turn::Fetch);
        fetches.ended("a", at(13), Some(&StoreError::Timeout));
        for now in [13, 17] {
            let failed = Turn::Failed(StoreError::Timeout);
            assert_eq!(fetches.turn("a", at(now)), failed, "{now}");
        }
        assert_eq!(fetches.turn("a", at(18)), Turn::Fetch);
        fetches.ended("a", at(18), Some(&StoreError::Timeout));
        assert_eq!(fetches.turn("a", at(12)), Turn::Fetch);
    }
}
