//! Keycloak's page of a realm, from which adapters of its older generation take the public key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::error::Failure;
use crate::http::{Request, Response};
use crate::realm::Realm;
use crate::time::UnixTime;

/// Answers with the realm's name and the key that signs `now`, as a SubjectPublicKeyInfo
/// (RFC 5480 §2) in base64.
///
/// # Errors
/// [`Failure`] when no key signs now.
pub fn respond(request: &Request<'_>, realm: &Realm, now: UnixTime) -> Result<Response, Failure> {
    let key = realm.signing_key(now, realm.access_token_ttl)?;
    let base = realm.issuer.as_str();
    let page = json!({
        "realm": realm.name.as_str(),
        "public_key": STANDARD.encode(key.to_public_der()),
        "token-service": format!("{base}/protocol/openid-connect"),
        "tokens-not-before": 0,
    });
    Response::cacheable(request, page.to_string())
}
