//! Whether the `htu` of a proof is the URI of a request: without query and fragment (RFC 9449
//! §4.3), and both normalised by syntax (RFC 3986 §6.2.2) and by scheme (§6.2.3).

/// Whether a URI is that of the endpoint at `path` of `origin`.
pub(super) fn is_endpoint(uri: &str, origin: &str, path: &str) -> bool {
    let uri = normalized(uri);
    uri.is_some() && uri == normalized(&format!("{origin}{path}"))
}

/// An `http` or `https` URI in its normal form, without query and fragment; `None` for what is no
/// such URI, and for one with user information, which no endpoint has.
fn normalized(uri: &str) -> Option<String> {
    let uri = uri.split(['?', '#']).next()?;
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at_checked(at)?,
        None => (rest, ""),
    };
    // What is encoded for no reason comes first: a letter's case is then to be told, and a dot's
    // meaning. Then the case of the host, an empty port, and the scheme's own.
    let authority = decoded(authority)?.to_ascii_lowercase();
    let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
    let authority = authority.strip_suffix(':').unwrap_or(authority);
    if authority.is_empty() || authority.contains('@') {
        return None;
    }
    let path = without_dot_segments(&decoded(path)?);
    Some(format!("{scheme}://{authority}{path}"))
}

/// A text whose percent-encoded unreserved characters are decoded, and whose other encodings are in
/// upper case (RFC 3986 §6.2.2.1, §6.2.2.2); `None` if an encoding is cut off or has other digits.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let octet = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        match octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            true => decoded.push(char::from(octet)),
            false => {
                decoded.push('%');
                decoded.push_str(&digits.to_ascii_uppercase());
            }
        }
        decoded.push_str(rest);
    }
    Some(decoded)
}

/// An absolute path without its segments `.` and `..` (RFC 3986 §5.2.4); `/` for an empty one
/// (§6.2.3).
fn without_dot_segments(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => (),
            ".." => drop(kept.pop()),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        // A path that ends in one of the two ends in a slash.
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_compared_as_rfc_9449_4_3_has_it() {
        let is = |uri| is_endpoint(uri, "https://auth.example", "/realms/default/token");
        for uri in [
            "https://auth.example/realms/default/token",
            "HTTPS://AUTH.example:443/realms/default/token",
            "https://auth.example:/realms/default/token",
            "https://auth.example/realms/default/token?a=b",
            "https://auth.example/realms/default/token#a",
            "https://auth.example/realms/default/%74oken",
            "https://auth.example/realms/default/%74%6f%6B%65%6e",
            "https://%61uth.%45xample/realms/default/token",
            "https://auth.example/./realms/default/token",
            "https://auth.example/realms/default/x/../token",
            "https://auth.example/../realms/default/token",
            "https://auth.example/realms/default/x/%2e%2E/token",
        ] {
            assert!(is(uri), "{uri}");
        }
        for uri in [
            "",
            "/realms/default/token",
            "auth.example/realms/default/token",
            "http://auth.example/realms/default/token",
            "ftp://auth.example/realms/default/token",
            "https://auth.example:80/realms/default/token",
            "https://auth.example:4430/realms/default/token",
            "https://auth.example.evil/realms/default/token",
            "https://auth.example@evil.example/realms/default/token",
            "https://evil%40auth.example/realms/default/token",
            "https://app@auth.example/realms/default/token",
            "https://auth.example/realms/default/Token",
            "https://auth.example/realms/default/%54oken",
            "https://auth.example/realms/default/token/",
            "https://auth.example/realms/default/token/.",
            "https://auth.example/realms/default/token/x/..",
            "https://auth.example/realms/default%2Ftoken",
            "https://auth.example/realms/default%2ftoken",
            "https://auth.example%2Frealms/default/token",
            "https://auth.example/realms/default/..%2Fdefault/token",
            "https://auth.example//realms/default/token",
            "https://auth.example/realms/default/token%3Fa=b",
            "https://auth.example/realms/default/%2574oken",
            "https://auth.example/realms/default/%7",
            "https://auth.example/realms/default/%+4oken",
            "https://auth.example/realms/default/tok%ené",
            "https://auth.example",
            "https://auth.example?/realms/default/token",
            "https:///realms/default/token",
        ] {
            assert!(!is(uri), "{uri}");
        }
        let loopback = "http://127.0.0.1:8787";
        assert!(is_endpoint("http://127.0.0.1:8787/x", loopback, "/x"));
        assert!(is_endpoint("http://a:80", "http://a", "/"));
        assert!(is_endpoint("https://a", "https://a:443", "/"));
        // What stays encoded may be in either case.
        assert!(is_endpoint("https://a/b%2fc", "https://a", "/b%2Fc"));
    }

    proptest::proptest! {
        #[test]
        fn a_normal_form_is_its_own(
            uri in "https?://[a-zA-Z.]{1,9}(:[0-9]{0,4})?(/(%[0-9a-f]{2}|[./a-z]){0,20})?",
        ) {
            if let Some(once) = normalized(&uri) {
                assert_eq!(normalized(&once).as_ref(), Some(&once), "{uri}");
            }
        }
    }
}
