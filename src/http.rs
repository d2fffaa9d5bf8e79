//! HTTP as the service needs it: what it reads of a request, and its two kinds of answers.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::dialect::Endpoint;
use crate::proof::certificate::Connection;
use crate::uri::is_loopback;

/// For how long answers that are public may be cached: until then a verifier may not know a key
/// that was just added.
pub const MAX_AGE: u32 = 300;

/// `Strict-Transport-Security`: a year, as is usual, so that a browser that comes once a year still
/// knows. Not for subdomains, of which the service knows nothing.
const HSTS: &str = "max-age=31536000";

/// What the service reads of a request.
#[derive(Clone, Copy, Default)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// Whether it came by plain http, which anybody on the way can read.
    pub by_plain_http: bool,
    /// Host and port of the URL.
    pub authority: &'a str,
    /// The path of the URL, as it was sent.
    pub path: &'a str,
    /// The query of the URL, without its `?`. Only endpoints for browsers read it.
    pub query: &'a str,
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
    /// `Cookie`.
    pub cookie: Option<&'a str>,
    /// `DPoP`.
    pub dpop: Option<&'a str>,
    /// `CF-Ray`.
    pub ray: Option<&'a str>,
    /// `Access-Control-Request-Headers`, of an OPTIONS alone.
    pub requested_headers: Option<&'a str>,
    /// How many header fields there are, of whatever name.
    pub header_fields: usize,
    /// What knows of the TLS handshake.
    pub connection: Option<&'a dyn Connection>,
    /// The body of a POST; one octet more than the service takes is enough of it.
    pub body: &'a [u8],
}

/// The most header fields of a request.
const MAX_HEADER_FIELDS: usize = 100;

/// The most octets in one that is read.
const MAX_HEADER_FIELD: usize = 16 * 1024;

impl Request<'_> {
    /// Whether its header is larger than anybody needs (RFC 6585 §5).
    #[must_use]
    pub fn has_large_header(&self) -> bool {
        let read = [
            self.authorization,
            self.content_type,
            self.content_encoding,
            self.accept,
            self.origin,
            self.if_none_match,
            self.cookie,
            self.dpop,
            self.requested_headers,
        ];
        let mut read = read.into_iter().flatten();
        self.header_fields > MAX_HEADER_FIELDS || read.any(|text| text.len() > MAX_HEADER_FIELD)
    }
}

/// Without what may be a secret: query, header fields and body.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {}, …)", self.method, self.path)
    }
}

/// An answer.
#[derive(Eq, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: String,
}

/// Without what may be a secret: header fields and body.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, …)", self.status)
    }
}

impl Response {
    /// An answer for the caller alone (RFC 6749 §5.1).
    #[must_use]
    pub fn not_stored(status: u16, body: String) -> Self {
        // With room for what is added to every answer.
        let mut headers = Vec::with_capacity(4);
        headers.extend([
            ("content-type", "application/json".into()),
            ("cache-control", "no-store".into()),
            ("pragma", "no-cache".into()),
        ]);
        Self {
            status,
            headers,
            body,
        }
    }

    /// Sends a browser elsewhere, by GET whatever it came with (RFC 9700 §4.12).
    #[must_use]
    pub fn redirect(location: String) -> Self {
        let headers = vec![
            ("location", location.into()),
            ("cache-control", "no-store".into()),
            ("referrer-policy", "no-referrer".into()),
        ];
        Self {
            status: 303,
            headers,
            body: String::new(),
        }
    }

    /// A public document; nothing but the fact that it has not changed when the request names its
    /// `ETag` (RFC 9110 §13.1.2).
    #[must_use]
    pub fn cacheable(request: &Request<'_>, body: String) -> Self {
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&body)));
        let known = request.if_none_match.is_some_and(|tags| names(tags, &etag));
        let mut headers = vec![
            ("cache-control", format!("public, max-age={MAX_AGE}").into()),
            ("etag", etag.into()),
        ];
        if known {
            return Self {
                status: 304,
                headers,
                body: String::new(),
            };
        }
        headers.push(("content-type", "application/json".into()));
        Self {
            status: 200,
            headers,
            body,
        }
    }

    /// The answer to a preflight request (Fetch standard, CORS-preflight fetch): the endpoint's
    /// methods, and the header fields that the request names, since none that a script sends does
    /// harm here.
    #[must_use]
    pub fn preflight(request: &Request<'_>, endpoint: Endpoint) -> Self {
        let mut headers = vec![
            ("allow", endpoint.methods_with_options().into()),
            ("access-control-allow-methods", endpoint.methods().into()),
            ("access-control-max-age", "86400".into()),
        ];
        let requested = request
            .requested_headers
            .filter(|list| is_field_names(list));
        let fields = match requested {
            Some(list) => Some(list.to_owned().into()),
            None if endpoint.is_document() => None,
            None => Some("authorization, content-type, dpop".into()),
        };
        headers.extend(fields.map(|list| ("access-control-allow-headers", list)));
        Self {
            status: 204,
            headers,
            body: String::new(),
        }
    }

    /// Lets scripts of every origin read the answer.
    pub fn allow_every_origin(&mut self) {
        self.headers
            .push(("access-control-allow-origin", "*".into()));
    }

    /// Has browsers come by https alone from now on (RFC 6797): not told by plain http, where anybody
    /// could have written it (§7.2), nor on loopback, where other programs have the next port.
    pub fn demand_https(&mut self, request: &Request<'_>) {
        if !request.by_plain_http && !is_loopback(request.authority) {
            let field = ("strict-transport-security", HSTS.into());
            self.headers.push(field);
        }
    }

    /// Lets the request's origin read the answer, if it is one of those allowed; `*` allows all.
    pub fn allow_origin(&mut self, request: &Request<'_>, allowed_origins: &[String]) {
        if allowed_origins.is_empty() {
            return;
        }
        self.headers.push(("vary", "origin".into()));
        let is_allowed = |origin: &&str| {
            allowed_origins
                .iter()
                .any(|allowed| allowed == "*" || allowed == origin)
        };
        if let Some(origin) = request.origin.filter(is_allowed) {
            self.headers.extend([
                ("access-control-allow-origin", origin.to_owned().into()),
                (
                    "access-control-expose-headers",
                    "dpop-nonce, retry-after, www-authenticate".into(),
                ),
            ]);
        }
    }
}

/// Adds parameters to the query of a URI (RFC 6749 §4.1.2).
#[must_use]
pub fn with_query(uri: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let mark = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{mark}{query}")
}

/// The longest list of header fields that a preflight is answered with.
const MAX_FIELD_NAMES: usize = 1024;

/// Whether a text is a list of header fields' names (RFC 9110 §5.1, §5.6.1).
fn is_field_names(list: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_token);
    let mut names = list.split(',').map(|name| name.trim_matches([' ', '\t']));
    list.len() <= MAX_FIELD_NAMES && names.all(is_name)
}

/// Whether `If-None-Match` names a tag, weak or strong (RFC 9110 §8.8.3.2), or `*`.
fn names(tags: &str, etag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
