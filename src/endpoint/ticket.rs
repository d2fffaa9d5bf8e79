//! The ticket with which a browser goes to the login application, and the cookie by which it is known
//! when it comes back.

use crate::family::{FamilyId, Secret};
use crate::time::Seconds;

/// How long a person may take to sign in.
pub(super) const TTL: Seconds = Seconds(30 * 60);

/// The cookie by which a browser is known that began with a ticket: one a ticket, so that two
/// windows do not disturb one another. A `ttl` of 0 takes it away.
#[must_use]
pub(super) fn cookie(family: FamilyId, value: &str, ttl: Seconds) -> String {
    let (name, ttl) = (name(family), ttl.0);
    format!("{name}={value}; Path=/; Max-Age={ttl}; Secure; HttpOnly; SameSite=Lax")
}

/// The value of that cookie in a `Cookie` header (RFC 6265 §4.2.1).
#[must_use]
pub(super) fn cookie_value(header: Option<&str>, family: FamilyId) -> Option<Secret> {
    let own = name(family);
    let pairs = header?
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == own);
    Secret::parse(values.next()?.1)
}

/// Browsers take `__Host-` cookies from this very host alone (RFC 6265bis §4.1.3.2).
fn name(family: FamilyId) -> String {
    format!("__Host-ticket-{family}")
}
