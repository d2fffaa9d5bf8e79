//! URLs as `check` takes them (RFC 3986 §3).

use edge_token::uri::is_loopback;

/// An absolute URL, `https` or `http`, without user, query or fragment.
#[derive(Clone)]
pub(crate) struct Url {
    text: String,
    origin_end: usize,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.split('/').next().unwrap_or_default();
        let is_usable = matches!(scheme, "https" | "http")
            && !authority.is_empty()
            && text.bytes().all(|b| b.is_ascii_graphic())
            && !text.contains(['@', '?', '#', '\\']);
        is_usable.then(|| Self {
            text: text.to_owned(),
            origin_end: text
                .len()
                .saturating_sub(rest.len())
                .saturating_add(authority.len()),
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme and authority.
    pub(super) fn origin(&self) -> &str {
        self.text.get(..self.origin_end).unwrap_or_default()
    }

    /// What follows them.
    pub(super) fn path(&self) -> &str {
        self.text.get(self.origin_end..).unwrap_or_default()
    }

    pub(super) fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// The same by plain http, if its port is the usual one: then that is the usual one too.
    pub(super) fn by_plain_http(&self) -> Option<Self> {
        let rest = self.text.strip_prefix("https://")?;
        let authority = self.origin().strip_prefix("https://")?;
        let host = authority.strip_suffix(":443").unwrap_or(authority);
        // Those of an IPv6 address stand in brackets.
        let has_port = host
            .rsplit_once(']')
            .map_or(host, |(_, end)| end)
            .contains(':');
        let path = rest.get(authority.len()..)?;
        (!has_port).then(|| Self::parse(&format!("http://{host}{path}")))?
    }

    /// The same path on another origin.
    #[cfg(feature = "console")]
    pub(crate) fn moved_to(&self, other: &Self) -> String {
        format!("{}{}", other.origin(), self.path())
    }

    /// Whether nobody on the way can read what is sent there.
    pub(crate) fn is_private(&self) -> bool {
        self.is_https() || self.is_on_loopback()
    }

    pub(super) fn is_on_loopback(&self) -> bool {
        is_loopback(self.origin().split_once("://").map_or("", |(_, host)| host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_where_https_is() {
        for (text, plain) in [
            ("https://a.example", Some("http://a.example")),
            ("https://a.example:443/a/b", Some("http://a.example/a/b")),
            ("https://[::2]/a", Some("http://[::2]/a")),
            ("https://[::2]:443/a", Some("http://[::2]/a")),
            ("https://a.example:8443/a", None),
            ("https://[::2]:8443/a", None),
            ("http://a.example/a", None),
        ] {
            let url = Url::parse(text).unwrap().by_plain_http();
            assert_eq!(url.as_ref().map(Url::as_str), plain, "{text}");
        }
    }

    #[test]
    fn urls_are_taken_apart_or_refused() {
        for (text, origin, path, is_private) in [
            ("https://a.example", "https://a.example", "", true),
            ("https://a.example/", "https://a.example", "/", true),
            (
                "http://127.0.0.1:8787/a/b",
                "http://127.0.0.1:8787",
                "/a/b",
                true,
            ),
            ("http://[::1]:80/a", "http://[::1]:80", "/a", true),
            ("http://a.example/a", "http://a.example", "/a", false),
            (
                "http://127.0.0.1.example",
                "http://127.0.0.1.example",
                "",
                false,
            ),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.origin(), url.path()), (origin, path), "{text}");
            assert_eq!(url.is_private(), is_private, "{text}");
        }
        for text in [
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https:///a",
            "https://user@a.example",
            "https://a.example?x",
            "https://a.example/#x",
            "https://a.example/a b",
        ] {
            assert!(Url::parse(text).is_none(), "{text}");
        }
    }
}
