//! URIs: those to which browsers may be sent, hosts, and which of them are this machine.

/// The most octets of a URI that is registered or asked for.
pub const MAX_URI: usize = 2048;

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
    uri.len() <= MAX_URI
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
    uri.len() <= MAX_URI && is_web_url(&uri.replacen('#', "/", 1))
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

/// The host of an authority (`host` or `host:port`).
pub(crate) fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether a text is the name of a host (RFC 1123 §2.1), or an address as it is in a URL (RFC 3986
/// §3.2.2).
pub(crate) fn is_host(text: &str) -> bool {
    let literal = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = literal {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Whether an authority is this machine.
#[must_use]
pub fn is_loopback(authority: &str) -> bool {
    let host = host(authority);
    let is_octet = |part: &str| {
        part.parse::<u8>()
            .is_ok_and(|octet| octet.to_string() == part)
    };
    let parts = host.split('.');
    host == "localhost"
        || host == "[::1]"
        || host.starts_with("127.") && parts.clone().count() == 4 && parts.clone().all(is_octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_everything_that_looks_like_it() {
        for authority in [
            "127.0.0.1",
            "127.0.0.1:8787",
            "127.1.2.3",
            "localhost",
            "localhost:80",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(is_loopback(authority), "{authority}");
        }
        for authority in [
            "",
            "localhost.example",
            "127.0.0.1.example",
            "example:127",
            "128.0.0.1",
            "[::2]:80",
            "127.0.0.1:80x",
            "user@127.0.0.1",
            "0.0.0.0",
            "127.1",
        ] {
            assert!(!is_loopback(authority), "{authority}");
        }
    }
}
