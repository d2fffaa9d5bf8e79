//! The URL of a realm.

use super::Cause;
use crate::uri::is_loopback;

/// The URL of a realm (RFC 8414 §2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issuer {
    url: String,
    /// How many octets of it are scheme and authority.
    origin: usize,
}

impl Issuer {
    /// Reads an issuer: `https`, or `http` on loopback, in lower case, without query or fragment.
    pub(super) fn parse(url: &str) -> Result<Self, Cause> {
        let secure = url.strip_prefix("https://");
        let rest = secure
            .or_else(|| url.strip_prefix("http://"))
            .ok_or(Cause::Issuer)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
        let in_path = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        if authority.is_empty() || !authority.bytes().all(known) || !path.bytes().all(in_path) {
            return Err(Cause::Issuer);
        }
        if secure.is_none() && !is_loopback(authority) {
            return Err(Cause::InsecureIssuer);
        }
        Ok(Self {
            url: url.to_owned(),
            origin: url.len().saturating_sub(path.len()),
        })
    }

    /// The whole URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Scheme and authority.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.url.get(..self.origin).unwrap_or_default()
    }

    /// What follows them: empty, or a path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.get(self.origin..).unwrap_or_default()
    }

    /// Whether this realm may be served to a request for `authority`: one with an `http` issuer
    /// only on the machine itself.
    #[must_use]
    pub fn may_be_served_at(&self, authority: &str) -> bool {
        self.is_https() || is_loopback(authority)
    }

    /// Whether its scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_read_strictly() {
        let issuer = Issuer::parse;
        for (url, origin) in [
            (
                "https://auth.example/realms/default",
                "https://auth.example",
            ),
            ("https://auth.example:8443", "https://auth.example:8443"),
            (
                "http://127.0.0.1:8787/realms/default",
                "http://127.0.0.1:8787",
            ),
            ("http://[::1]:8787", "http://[::1]:8787"),
        ] {
            assert_eq!(issuer(url).unwrap().origin(), origin);
        }
        for (url, cause) in [
            ("", Cause::Issuer),
            ("auth.example", Cause::Issuer),
            ("ftp://auth.example", Cause::Issuer),
            ("https://", Cause::Issuer),
            ("https:///realms/default", Cause::Issuer),
            ("https://Auth.example", Cause::Issuer),
            ("https://user@auth.example", Cause::Issuer),
            ("https://auth.example?x", Cause::Issuer),
            ("https://auth.example/realms/default?x", Cause::Issuer),
            ("https://auth.example/realms/default#x", Cause::Issuer),
            ("https://auth.example/realms/a%20b", Cause::Issuer),
            ("http://auth.example/realms/default", Cause::InsecureIssuer),
        ] {
            assert_eq!(issuer(url), Err(cause), "{url}");
        }
    }
}
