//! The URIs to which browsers may be sent, and those that the service asks.

use crate::realm::is_loopback;

/// Whether a browser may be sent to a URI: `https`, `http` on loopback (RFC 8252 §7.3), or a
/// scheme of a native application, which has a dot (RFC 8252 §7.1); never one with a fragment (RFC
/// 6749 §3.1.2).
#[must_use]
pub fn is_redirect_uri(uri: &str) -> bool {
    let fits = |b: u8| b.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&b);
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let authority = rest.strip_prefix("//").unwrap_or_default();
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let in_scheme = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    uri.bytes().all(fits)
        && match scheme {
            "https" => !authority.is_empty() && !authority.contains('@'),
            "http" => is_loopback(authority),
            _ => scheme.contains('.') && scheme.bytes().all(in_scheme),
        }
}

/// Whether a URI is one of the web: `https`, or `http` on loopback.
#[must_use]
pub fn is_web_url(uri: &str) -> bool {
    uri.starts_with("http") && is_redirect_uri(uri)
}
