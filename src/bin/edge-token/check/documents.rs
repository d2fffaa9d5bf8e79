//! What metadata and JWK Set have in common: public documents, for every origin, that may be
//! cached (RFC 9110, RFC 9111, Fetch standard).

use super::http::{Answer, Ask, Asked, Client};
use super::report::{Row, fail, warn};

/// The longest that a document should be cached: until then a verifier may not know a new key.
const MAX_AGE: u64 = 60 * 60;

/// What was seen of a document.
pub(super) struct Document {
    got: Answer,
    conditional: Asked,
    head: Asked,
    post: Asked,
}

impl Document {
    /// Asks for a document in the other ways than the GET that got it.
    pub(super) fn ask(client: &Client, url: &str, got: Answer) -> Self {
        let conditional = match got.header("etag") {
            Some(etag) => client.ask(&Ask::new("GET", url).with("if-none-match", etag)),
            None => warn("no ETag: who has it must fetch it whole again"),
        };
        Self {
            conditional,
            head: client.ask(&Ask::new("HEAD", url)),
            post: client.ask(&Ask::form(url, &[("a", "b")])),
            got,
        }
    }
}

pub(super) const ROWS: [Row<Document>; 6] = [
    ("media type", "RFC 9110 §8.3", |document| {
        match document.got.media_type().as_str() {
            known @ ("application/json" | "application/jwk-set+json") => Ok(known.to_owned()),
            other => fail(format!("`{other}`, not application/json")),
        }
    }),
    ("max-age", "RFC 9111 §5.2.2.1", |document| {
        match document.got.max_age() {
            None => warn("no max-age: caches guess"),
            Some(age) if age > MAX_AGE => warn(format!("{age} s: a new key is unknown that long")),
            Some(age) => Ok(format!("{age} s")),
        }
    }),
    ("ETag", "RFC 9110 §13.1.2", |document| {
        let conditional = document.conditional.as_ref().map_err(Clone::clone)?;
        match conditional.status {
            304 if conditional.body.is_empty() => Ok("304 to If-None-Match".into()),
            status => fail(format!("{status} to If-None-Match with its ETag, not 304")),
        }
    }),
    ("HEAD", "RFC 9110 §9.3.2", |document| {
        let head = document.head.as_ref().map_err(Clone::clone)?;
        if head.status != document.got.status {
            return fail(format!(
                "{}, and {} to GET",
                head.status, document.got.status
            ));
        }
        let fields = ["content-type", "cache-control", "etag"];
        let differs = |name: &&str| head.header(name) != document.got.header(name);
        match fields.into_iter().find(differs) {
            Some(name) => fail(format!("{name} is not the same as in the answer to GET")),
            None => Ok("like GET".into()),
        }
    }),
    ("CORS", "Fetch §3.3.3", |document| {
        match document.got.header("access-control-allow-origin") {
            Some("*") => Ok("every origin may read it".into()),
            _ => warn("Access-Control-Allow-Origin is not *: pages cannot read it"),
        }
    }),
    ("POST", "RFC 9110 §15.5.6", |document| {
        let post = document.post.as_ref().map_err(Clone::clone)?;
        match (post.status, post.header("allow")) {
            (405, Some(allow)) => Ok(format!("405, Allow: {allow}")),
            (405, None) => fail("405 without Allow"),
            (status, _) => fail(format!("{status}, not 405")),
        }
    }),
];
