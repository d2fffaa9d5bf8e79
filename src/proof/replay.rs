//! What is accepted once, the `jti` of assertions (RFC 7523 §3) and of DPoP proofs (RFC 9449 §11.1),
//! and what is accepted no more: the `jti` of revoked access tokens (RFC 7009 §2). Each has an object
//! of its own to remember it, until nothing would accept it any more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::name::RealmName;
use crate::stored::Unreadable;
use crate::time::{Seconds, UnixTime};

/// A name that somebody may use once, and until when that is to be remembered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark {
    /// The name of the object that remembers it.
    pub object_name: String,
    /// From when on it is refused for its age anyway, and a minute more.
    pub until: UnixTime,
}

/// Who may use a name once.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// A client, by its id, in assertions.
    Client(&'a str),
    /// A key, by its thumbprint, in proofs.
    Key(&'a str),
    /// A trusted issuer, by its name, in assertions about its subjects.
    Issuer(&'a str),
    /// The realm itself, whose access token is revoked.
    Realm,
}

impl Mark {
    /// The mark of a `jti` that `holder` uses in `realm`.
    #[must_use]
    pub fn new(realm: &RealmName, holder: Holder<'_>, jti: &str, until: UnixTime) -> Self {
        let (kind, holder) = match holder {
            Holder::Client(id) => ("client", id),
            Holder::Key(thumbprint) => ("key", thumbprint),
            Holder::Issuer(name) => ("issuer", name),
            Holder::Realm => ("token", ""),
        };
        // None of the first three can have a NUL in it. Families' names have a slash, this has not.
        let name = [realm.as_str(), kind, holder, jti].join("\0");
        Self {
            object_name: URL_SAFE_NO_PAD.encode(Sha256::digest(name)),
            until: until.plus(MARGIN),
        }
    }
}

/// How far the clock of whoever judges the age may be behind that of the object.
const MARGIN: Seconds = Seconds(60);

/// What an object stores of a name that is used `until` then: format 1, in which a replay record is
/// whole seconds in decimal digits and says no format. A later format is an object that says its own.
#[must_use]
pub fn to_text(until: UnixTime) -> String {
    until.to_string()
}

/// Reads what an object stores: until when its name is used.
///
/// # Errors
/// [`Unreadable`]: whether it is used is then not known.
pub fn parse(text: &str) -> Result<UnixTime, Unreadable> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_number);
    let until = seconds.map(UnixTime::from_seconds);
    until.ok_or_else(|| Unreadable::of("replay record", text))
}

/// Whether a name is used at the moment `now`, of which an object remembers `used_until`.
#[must_use]
pub fn is_used(used_until: Option<UnixTime>, now: UnixTime) -> bool {
    used_until.is_some_and(|used_until| now < used_until)
}

/// Whether a name is free at the moment `now`, of which an object remembers `used_until`; it is
/// then used.
pub fn consume(used_until: &mut Option<UnixTime>, until: UnixTime, now: UnixTime) -> bool {
    // What is over already can be remembered no more, so it is not free either.
    let is_free = now < until && !is_used(*used_until, now);
    if is_free {
        *used_until = Some(until);
    }
    is_free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_record_is_read_as_every_version_wrote_it() {
        let until = UnixTime::from_seconds(1_795_383_939);
        assert_eq!(parse("1795383939"), Ok(until));
        assert_eq!(to_text(until), "1795383939");
        for text in [
            "",
            " 1",
            "+1",
            "-1",
            "1.5",
            "0x1",
            "{}",
            "18446744073709551616",
        ] {
            assert_eq!(
                parse(text),
                Err(Unreadable::Malformed("replay record")),
                "{text}"
            );
        }
        let later = parse(r#"{"format":2,"until":1795383939}"#);
        let (what, format) = ("replay record", 2);
        assert_eq!(later, Err(Unreadable::LaterFormat { what, format }));
    }

    #[test]
    fn a_name_is_free_once_until_its_time_is_over_and_not_after() {
        let at = UnixTime::from_seconds;
        let mut used = None;
        assert!(consume(&mut used, at(100), at(50)));
        assert!(!consume(&mut used, at(100), at(50)));
        assert!(!consume(&mut used, at(200), at(99)));
        assert!(consume(&mut used, at(200), at(100)));
        for until in [100, 99] {
            assert!(!consume(&mut None, at(until), at(100)), "{until}");
        }
    }
}
