//! HTTP as the service needs it: what it reads of a request, and its two kinds of answers.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::dialect::RFC9068;
use crate::error::{Failure, Rejection};
use crate::realm::Realm;

/// For how long answers that are public may be cached: until then a verifier may not know a key
/// that was just added.
pub const MAX_AGE: u32 = 300;

/// When to try again after a 503, in seconds.
const RETRY_AFTER: &str = "5";

/// What the service reads of a request. Never the query.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// Host and port of the URL.
    pub authority: &'a str,
    /// The path of the URL, as it was sent.
    pub path: &'a str,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a str>,
    /// `Accept`.
    pub accept: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// The address that the request came from.
    pub client_address: Option<&'a str>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a str>,
    /// The body of a POST; one octet more than the service takes is enough of it.
    pub body: &'a [u8],
}

/// An answer.
#[derive(Debug, Eq, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: String,
}

impl Response {
    /// An answer for the caller alone (RFC 6749 §5.1).
    #[must_use]
    pub fn not_stored(status: u16, body: String) -> Self {
        let headers = vec![
            ("content-type", "application/json".into()),
            ("cache-control", "no-store".into()),
            ("pragma", "no-cache".into()),
        ];
        Self {
            status,
            headers,
            body,
        }
    }

    /// A public document, for every origin, to GET or HEAD; nothing but the fact that it has not
    /// changed when the request names its `ETag` (RFC 9110 §13.1.2).
    ///
    /// # Errors
    /// [`Rejection::MethodNotAllowed`].
    pub fn cacheable(request: &Request<'_>, body: String) -> Result<Self, Failure> {
        if !matches!(request.method, "GET" | "HEAD") {
            return Err(Rejection::MethodNotAllowed { allow: "GET, HEAD" }.into());
        }
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&body)));
        let known = request.if_none_match.is_some_and(|tags| names(tags, &etag));
        let mut headers = vec![
            ("cache-control", format!("public, max-age={MAX_AGE}").into()),
            ("etag", etag.into()),
            ("access-control-allow-origin", "*".into()),
        ];
        if known {
            return Ok(Self {
                status: 304,
                headers,
                body: String::new(),
            });
        }
        headers.push(("content-type", "application/json".into()));
        Ok(Self {
            status: 200,
            headers,
            body,
        })
    }

    /// The answer to a preflight request (Fetch standard, CORS-preflight fetch).
    #[must_use]
    pub fn preflight() -> Self {
        let headers = vec![
            ("access-control-allow-methods", "POST".into()),
            (
                "access-control-allow-headers",
                "authorization, content-type".into(),
            ),
            ("access-control-max-age", "86400".into()),
        ];
        Self {
            status: 204,
            headers,
            body: String::new(),
        }
    }

    /// Lets the request's origin read the answer, if the realm allows it.
    pub fn allow_origin(&mut self, request: &Request<'_>, realm: &Realm) {
        if realm.allowed_origins.is_empty() {
            return;
        }
        self.headers.push(("vary", "origin".into()));
        let is_allowed = |origin: &&str| {
            realm
                .allowed_origins
                .iter()
                .any(|allowed| allowed == "*" || allowed == origin)
        };
        if let Some(origin) = request.origin.filter(is_allowed) {
            self.headers
                .push(("access-control-allow-origin", origin.to_owned().into()));
        }
    }

    /// What a caller is told of a failure (RFC 6749 §5.2), in the dialect of the realm.
    #[must_use]
    pub fn failure(failure: &Failure, realm: Option<&Realm>) -> Self {
        let (code, description) = match failure {
            Failure::Rejection(rejection) => (rejection.code(), rejection.description()),
            Failure::Fault(fault) => (fault.code(), fault.description()),
        };
        let dialect = realm.map_or(&RFC9068, |realm| realm.dialect);
        let (word, member, status) = (code.word(), dialect.error_description, dialect.status(code));
        // Nothing here needs quoting: they are words and sentences of this crate.
        let body = format!(r#"{{"error":"{word}","{member}":"{description}"}}"#);
        let mut response = Self::not_stored(status, body);
        if let Failure::Rejection(Rejection::MethodNotAllowed { allow }) = failure {
            response.headers.push(("allow", (*allow).into()));
        }
        match (status, realm) {
            // RFC 9110 §11.6.1; realm names need no quoting.
            (401, Some(realm)) => {
                let challenge = format!("Basic realm=\"{}\"", realm.name);
                response
                    .headers
                    .push(("www-authenticate", challenge.into()));
            }
            (503, _) => response.headers.push(("retry-after", RETRY_AFTER.into())),
            _ => (),
        }
        response
    }
}

/// Whether `If-None-Match` names a tag, weak or strong (RFC 9110 §8.8.3.2), or `*`.
fn names(tags: &str, etag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
