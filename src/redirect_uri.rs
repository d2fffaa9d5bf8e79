//! The URIs to which browsers may be sent, and those that the service asks.

use crate::authorization::MAX_PARAMETER;
use crate::realm::is_loopback;

/// Whether a browser may be sent to a URI: `https`, `http` on loopback (RFC 8252 §7.3), or a
/// scheme of a native application, which has a dot (RFC 8252 §7.1); never one with a fragment (RFC
/// 6749 §3.1.2), nor one that is too large to be asked for.
#[must_use]
pub fn is_redirect_uri(uri: &str) -> bool {
    let fits = |b: u8| b.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&b);
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let authority = rest.strip_prefix("//").unwrap_or_default();
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let in_scheme = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    uri.len() <= MAX_PARAMETER
        && uri.bytes().all(fits)
        && match scheme {
            "https" => !authority.is_empty() && !authority.contains('@'),
            "http" => is_loopback(authority),
            _ => scheme.contains('.') && scheme.bytes().all(in_scheme),
        }
}

/// Whether a URI is one of the web: `https`, or `http` on loopback.
#[must_use]
pub fn is_web_url(uri: &str) -> bool {
    (uri.starts_with("https:") || uri.starts_with("http:")) && is_redirect_uri(uri)
}

/// Whether a URI leads to something that people look at: one of the web, at most 2,048 octets long,
/// and perhaps a part of it (RFC 3986 §3.5).
#[must_use]
pub fn is_page_url(uri: &str) -> bool {
    // What may stand in a path may stand in a fragment.
    uri.len() <= 2048 && is_web_url(&uri.replacen('#', "/", 1))
}

/// Whether a browser may be sent to a URI because `registered` is one of the client's: it is that URI,
/// character for character (RFC 9700 §2.1), or differs from it in the port alone where both are on the
/// address of the loopback interface. A native application gets whatever port is free there (RFC 8252
/// §7.3); `localhost` may be another machine (§8.3), and stays exact.
#[must_use]
pub fn matches(registered: &str, asked: &str) -> bool {
    registered == asked
        || on_loopback_address(registered)
            .is_some_and(|parts| on_loopback_address(asked) == Some(parts))
}

/// Host, and path with query, of an `http` URI whose host is a loopback IP literal and whose port is
/// missing or one at which something can listen, written as usual.
fn on_loopback_address(uri: &str) -> Option<(&str, &str)> {
    let after_scheme = uri.strip_prefix("http://")?;
    let end = after_scheme.find(['/', '?']).unwrap_or(after_scheme.len());
    let (authority, path_and_query) = after_scheme.split_at_checked(end)?;
    let (host, port) = match authority.strip_prefix("[::1]") {
        Some(port) => ("[::1]", port),
        None => authority.split_at_checked(authority.find(':').unwrap_or(authority.len()))?,
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    (is_port && host != "localhost" && is_loopback(host)).then_some((host, path_and_query))
}

/// Whether a text is a port from 1 to 65535, without signs and leading zeros.
fn is_port(text: &str) -> bool {
    text.parse::<u16>()
        .is_ok_and(|port| port > 0 && port.to_string() == text)
}
