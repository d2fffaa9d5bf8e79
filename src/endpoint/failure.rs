//! What a caller is told of a failure, where no person reads it.

use crate::dialect::RFC9068;
use crate::error::{Failure, Rejection};
use crate::error_code::ErrorCode;
use crate::http::Response;
use crate::jose::es256;
use crate::realm::Realm;
use crate::store::PERIOD;

/// When to try again after a 503, in seconds.
const RETRY_AFTER: &str = "5";

/// What a caller is told of a failure (RFC 6749 §5.2), in the dialect of the realm.
#[must_use]
pub fn response(failure: &Failure, realm: Option<&Realm>) -> Response {
    let (code, description) = match failure {
        Failure::Rejection(rejection) => (rejection.code(), rejection.description()),
        Failure::Fault(fault) => (fault.code(), fault.description().into()),
    };
    let dialect = realm.map_or(&RFC9068, |realm| realm.dialect);
    let (word, member, status) = (code.word(), dialect.error_description, dialect.status(code));
    // Nothing here needs quoting: they are words and sentences of this crate.
    let body = format!(r#"{{"error":"{word}","{member}":"{description}"}}"#);
    let response = Response::not_stored(status, body);
    with_headers(response, failure, realm)
}

/// Adds the header fields that tell of a failure, by the answer's status.
#[must_use]
pub(super) fn with_headers(
    mut response: Response,
    failure: &Failure,
    realm: Option<&Realm>,
) -> Response {
    if let Failure::Rejection(Rejection::MethodNotAllowed { allow }) = failure {
        response.headers.push(("allow", (*allow).into()));
    }
    let challenge = match (failure, realm) {
        (Failure::Rejection(rejection), Some(realm)) => challenge(*rejection, realm),
        _ => None,
    };
    response
        .headers
        .extend(challenge.map(|challenge| ("www-authenticate", challenge.into())));
    match response.status {
        429 => response
            .headers
            .push(("retry-after", PERIOD.to_string().into())),
        503 => response.headers.push(("retry-after", RETRY_AFTER.into())),
        _ => (),
    }
    response
}

/// How to authenticate instead (RFC 9110 §11.6.1, RFC 6750 §3); realm names need no quoting.
fn challenge(rejection: Rejection, realm: &Realm) -> Option<String> {
    let name = &realm.name;
    let code = rejection.code();
    match code {
        ErrorCode::InvalidClient => Some(format!("Basic realm=\"{name}\"")),
        // RFC 6750 §3.1: without any token, no error either.
        _ if rejection == Rejection::NoBearerToken => Some(format!("Bearer realm=\"{name}\"")),
        ErrorCode::InvalidToken | ErrorCode::InsufficientScope => {
            let word = code.word();
            Some(format!("Bearer realm=\"{name}\", error=\"{word}\""))
        }
        // RFC 9449 §7.1, §9.
        ErrorCode::ResourceProof | ErrorCode::ResourceNonce => {
            let (word, algs) = (code.word(), es256::NAME);
            Some(format!(
                "DPoP realm=\"{name}\", error=\"{word}\", algs=\"{algs}\""
            ))
        }
        _ => None,
    }
}
