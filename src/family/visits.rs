//! The visits of a pushed request's URI (RFC 9126 §4): each browser that brings it gets a ticket of its
//! own, and the request is used up by the first ticket that is decided, not by a visit. So a reload, a
//! preview of the link and the back button leave the person able to sign in.

use serde_json::Value;

use super::secret::{Secret, SecretHash};
use crate::json::{Json, impl_json};
use crate::time::UnixTime;

/// A browser that brought the URI: its ticket and its cookie, and when both end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Visit {
    pub(super) ticket: SecretHash,
    pub(super) browser: SecretHash,
    pub(super) expires_at: UnixTime,
}

impl_json!(struct Visit { ticket, browser, expires_at });

/// Visits, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Visits(Vec<Visit>);

/// How many are kept: with more, the oldest goes. Who fetches links to preview them should not use up
/// the person's own.
const MOST: usize = 8;

impl Visits {
    /// Adds a visit; the same one again is the same.
    pub(super) fn add(&mut self, visit: Visit) {
        if self.0.iter().any(|known| known.ticket == visit.ticket) {
            return;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(visit);
    }

    /// The visit that got a ticket.
    pub(super) fn of_ticket(&self, ticket: &Secret) -> Option<&Visit> {
        self.0.iter().find(|visit| visit.ticket.is_of(ticket))
    }

    /// The cookie of a browser that has been here before.
    pub(super) fn browser(&self, cookie: &Secret) -> Option<&SecretHash> {
        let mut browsers = self.0.iter().map(|visit| &visit.browser);
        browsers.find(|browser| browser.is_of(cookie))
    }

    /// When the last one ends.
    pub(super) fn end_at(&self) -> Option<UnixTime> {
        self.0.iter().map(|visit| visit.expires_at).max()
    }
}

/// A list; `null` for none, since earlier versions wrote no such member.
impl Json for Visits {
    fn to_json(&self) -> Value {
        self.0.to_json()
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::default()),
            value => Vec::from_json(value).map(Self),
        }
    }
}
