//! Who is let in: the browser that opened the printed link first, and of its pages the console's own.
//!
//! Any page that the operator looks at can send requests to 127.0.0.1, by a name of its own too (DNS
//! rebinding), and any program of this machine can. So `Host` is exactly what was printed, whatever
//! comes from elsewhere is refused by `Origin` and `Sec-Fetch-Site`, and a cookie proves the session.
//! Cookies go to every port of a host: this one has a path that nobody else knows, and so goes to no
//! other server.

use std::sync::{Mutex, PoisonError};

use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderName, ORIGIN};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::{Error, random};

const COOKIE_NAME: &str = "edge-token-console";

/// What the page says with each act, which a page of another origin cannot without being asked for.
const ACT: HeaderName = HeaderName::from_static("x-edge-token-console");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where acts go, under the session's path.
const ACTS: &str = "act";

/// 256 random bits, in base64url.
struct Token(String);

impl Token {
    fn new() -> Result<Self, Error> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

pub(super) struct Guard {
    /// `127.0.0.1:port`.
    authority: String,
    /// What the link says; none once it was opened.
    link: Mutex<Option<Token>>,
    /// What the cookie says.
    session: Token,
    /// The first segment of the session's paths.
    path: Token,
}

/// What a request is let in for.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Admitted {
    /// The link was opened, for the first time.
    Entered { location: String, cookie: String },
    /// A file of the page.
    Page(String),
    /// An act.
    Act,
}

/// Why a request is let in for nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("The console has no such host name: open the link that it printed, as it is.")]
    Host,
    #[error("The console takes nothing from other pages: paste the link into the address bar.")]
    Elsewhere,
    #[error(
        "This link was opened already, or is not the console's. Start the console again for a new one."
    )]
    Link,
    #[error(
        "This browser has no session: open the link that the console printed, or start it again."
    )]
    Session,
    #[error("Acts are posted by the console's own page, as JSON.")]
    Act,
    #[error("Files are read by GET.")]
    Method,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Elsewhere | Self::Link | Self::Act => StatusCode::FORBIDDEN,
            Self::Session => StatusCode::UNAUTHORIZED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }
}

impl Guard {
    /// A guard for that port, and the link that opens it once.
    pub(super) fn new(port: u16) -> Result<(Self, String), Error> {
        let authority = format!("127.0.0.1:{port}");
        let token = Token::new()?;
        let link = format!("http://{authority}/?token={}", token.0);
        let this = Self {
            authority,
            link: Mutex::new(Some(token)),
            session: Token::new()?,
            path: Token::new()?,
        };
        Ok((this, link))
    }

    /// Judges a request by its head alone.
    pub(super) fn admit(&self, head: &Parts) -> Result<Admitted, Refusal> {
        self.is_for_this_host(head)?;
        self.is_from_here(head)?;
        if let Some(token) = head
            .uri
            .query()
            .and_then(|query| query.strip_prefix("token="))
        {
            return self.enter(head, token);
        }
        let path = head.uri.path().strip_prefix('/').unwrap_or_default();
        let (session, name) = path.split_once('/').ok_or(Refusal::Session)?;
        let mut cookies = all(head, &COOKIE).flat_map(|cookies| cookies.split("; "));
        let is_known = |cookie: &str| {
            let value = cookie
                .split_once('=')
                .filter(|(name, _)| *name == COOKIE_NAME);
            value.is_some_and(|(_, value)| self.session.is(value))
        };
        if !self.path.is(session) || !cookies.any(is_known) {
            return Err(Refusal::Session);
        }
        match (name, &head.method) {
            (ACTS, &Method::POST) => self.is_act(head).map(|()| Admitted::Act),
            (ACTS, _) => Err(Refusal::Act),
            (name, &Method::GET) => Ok(Admitted::Page(name.to_owned())),
            _ => Err(Refusal::Method),
        }
    }

    /// A page of another name that leads here is a page of somebody else (DNS rebinding).
    fn is_for_this_host(&self, head: &Parts) -> Result<(), Refusal> {
        let target = head.uri.authority().map(|authority| authority.as_str());
        let named = all(head, &HOST).chain(target).collect::<Vec<_>>();
        match !named.is_empty() && named.iter().all(|name| *name == self.authority) {
            true => Ok(()),
            false => Err(Refusal::Host),
        }
    }

    /// Browsers say who asks: this page, or the operator by the address bar.
    fn is_from_here(&self, head: &Parts) -> Result<(), Refusal> {
        let is_here = |site: &str| matches!(site, "same-origin" | "none");
        let is_own = |origin: &str| origin.strip_prefix("http://") == Some(&self.authority);
        match all(head, &FETCH_SITE).all(is_here) && all(head, &ORIGIN).all(is_own) {
            true => Ok(()),
            false => Err(Refusal::Elsewhere),
        }
    }

    fn enter(&self, head: &Parts, token: &str) -> Result<Admitted, Refusal> {
        if head.method != Method::GET || head.uri.path() != "/" {
            return Err(Refusal::Link);
        }
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if !link.as_ref().is_some_and(|own| own.is(token)) {
            return Err(Refusal::Link);
        }
        *link = None;
        let location = format!("/{}/", self.path.0);
        let cookie = format!(
            "{COOKIE_NAME}={}; Path={location}; HttpOnly; SameSite=Strict",
            self.session.0
        );
        Ok(Admitted::Entered { location, cookie })
    }

    /// No form and no page of another origin can send these without asking first, and nothing here
    /// answers such a question.
    fn is_act(&self, head: &Parts) -> Result<(), Refusal> {
        let is_json = all(head, &CONTENT_TYPE).eq(["application/json"]);
        match is_json && all(head, &ACT).eq(["1"]) && all(head, &ORIGIN).count() == 1 {
            true => Ok(()),
            false => Err(Refusal::Act),
        }
    }
}

/// The values of a header field; what is no text is one that nothing equals.
fn all<'a>(head: &'a Parts, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = head.headers.get_all(name).into_iter();
    values.map(|value| value.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const OWN: &str = "http://127.0.0.1:9";

    fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.body(()).unwrap().into_parts().0
    }

    /// A guard, and the path and cookie of the session that its link began.
    fn entered() -> (Guard, String, String) {
        let (guard, link) = Guard::new(9).unwrap();
        let uri = link.strip_prefix(OWN).unwrap();
        let admitted = guard.admit(&head("GET", uri, &[("host", "127.0.0.1:9")]));
        let Ok(Admitted::Entered { location, cookie }) = admitted else {
            panic!("{admitted:?}");
        };
        let (cookie, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(
            attributes,
            format!("Path={location}; HttpOnly; SameSite=Strict")
        );
        assert_eq!(location.len(), 45);
        (guard, location, cookie.to_owned())
    }

    #[test]
    fn a_link_is_good_once_and_only_as_it_is() {
        let (guard, link) = Guard::new(9).unwrap();
        let uri = link.strip_prefix(OWN).unwrap();
        let host = ("host", "127.0.0.1:9");
        for (method, uri, header, refusal) in [
            ("GET", "/?token=", host, Refusal::Link),
            ("GET", "/?token=A", host, Refusal::Link),
            ("GET", &format!("{uri}A"), host, Refusal::Link),
            ("GET", &uri[..uri.len() - 1], host, Refusal::Link),
            ("GET", &uri.replacen('/', "/x", 1), host, Refusal::Link),
            ("POST", uri, host, Refusal::Link),
            (
                "GET",
                uri,
                ("sec-fetch-site", "cross-site"),
                Refusal::Elsewhere,
            ),
            (
                "GET",
                uri,
                ("origin", "http://localhost:9"),
                Refusal::Elsewhere,
            ),
            ("GET", "/", host, Refusal::Session),
        ] {
            let admitted = guard.admit(&head(
                method,
                uri,
                &[host, header][usize::from(header == host)..],
            ));
            assert_eq!(admitted, Err(refusal), "{method} {uri}");
        }
        let open = || guard.admit(&head("GET", uri, &[host, ("sec-fetch-site", "none")]));
        assert!(matches!(open(), Ok(Admitted::Entered { .. })));
        assert_eq!(open(), Err(Refusal::Link));
    }

    #[test]
    fn no_other_host_is_served() {
        let (guard, path, cookie) = entered();
        let cookie = ("cookie", cookie.as_str());
        let page = Ok(Admitted::Page(String::new()));
        let admit = |uri: &str, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| ("host", *host));
            guard.admit(&head(
                "GET",
                uri,
                &hosts.chain([cookie]).collect::<Vec<_>>(),
            ))
        };
        assert_eq!(admit(&path, &["127.0.0.1:9"]), page);
        assert_eq!(admit(&format!("{OWN}{path}"), &["127.0.0.1:9"]), page);
        for hosts in [
            &[][..],
            &[""],
            &["127.0.0.1"],
            &["127.0.0.1:90"],
            &["localhost:9"],
            &["127.0.0.1.:9"],
            &["[::1]:9"],
            &["attacker.example:9"],
            &["127.0.0.1:9", "attacker.example:9"],
            &["127.0.0.1:9 "],
        ] {
            assert_eq!(admit(&path, hosts), Err(Refusal::Host), "{hosts:?}");
        }
        let other = format!("http://attacker.example:9{path}");
        assert_eq!(admit(&other, &["127.0.0.1:9"]), Err(Refusal::Host));
    }

    #[test]
    fn only_the_session_is_let_in_and_only_its_own_page_acts() {
        let (guard, path, cookie) = entered();
        let act = format!("{path}act");
        let good = [
            ("host", "127.0.0.1:9"),
            ("cookie", cookie.as_str()),
            ("origin", OWN),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json"),
            ("x-edge-token-console", "1"),
        ];
        let changed = |name: &str, value: Option<&'static str>| {
            let others = good.iter().copied().filter(|(other, _)| *other != name);
            let headers = others.chain(value.map(|value| (&*name.to_owned().leak(), value)));
            guard.admit(&head("POST", &act, &headers.collect::<Vec<_>>()))
        };
        assert_eq!(guard.admit(&head("POST", &act, &good)), Ok(Admitted::Act));
        for (name, value, refusal) in [
            ("cookie", None, Refusal::Session),
            ("cookie", Some("edge-token-console=A"), Refusal::Session),
            ("cookie", Some("edge-token-console="), Refusal::Session),
            ("origin", None, Refusal::Act),
            ("origin", Some("null"), Refusal::Elsewhere),
            ("origin", Some("http://127.0.0.1:10"), Refusal::Elsewhere),
            ("origin", Some("https://127.0.0.1:9"), Refusal::Elsewhere),
            (
                "origin",
                Some("http://127.0.0.1:9.attacker.example"),
                Refusal::Elsewhere,
            ),
            ("sec-fetch-site", Some("same-site"), Refusal::Elsewhere),
            ("sec-fetch-site", Some("cross-site"), Refusal::Elsewhere),
            ("content-type", None, Refusal::Act),
            ("content-type", Some("text/plain"), Refusal::Act),
            (
                "content-type",
                Some("application/x-www-form-urlencoded"),
                Refusal::Act,
            ),
            ("x-edge-token-console", None, Refusal::Act),
        ] {
            assert_eq!(changed(name, value), Err(refusal), "{name}: {value:?}");
        }
        let get = |uri: &str| guard.admit(&head("GET", uri, &good[..2]));
        assert_eq!(get(&path), Ok(Admitted::Page(String::new())));
        assert_eq!(
            get(&format!("{path}app.js")),
            Ok(Admitted::Page("app.js".into()))
        );
        assert_eq!(get(&act), Err(Refusal::Act));
        for uri in ["/", "/act", "//act", "/app.js", path.trim_end_matches('/')] {
            assert_eq!(get(uri), Err(Refusal::Session), "{uri}");
        }
        let put = guard.admit(&head("PUT", &path, &good));
        assert_eq!(put, Err(Refusal::Method));
    }
}
