//! Keycloak's page of a realm, from which adapters of its older generation take the public key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::context::Context;
use crate::error::Failure;
use crate::http::{Request, Response};
use crate::realm::Realm;
use crate::store::Store;

/// Answers with the realm's name, the key that signs now, as a SubjectPublicKeyInfo (RFC 5480 §2) in
/// base64, and the time before which adapters are to take no token.
///
/// # Errors
/// [`Failure`] when no key signs now, or when storage cannot tell the time: 0 in its place would
/// say that no token was revoked, and would be cached.
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let key = realm.signing_key(context.now, realm.access_token_ttl)?;
    let not_before = context.not_before(realm).await?;
    let base = realm.issuer.as_str();
    let page = json!({
        "realm": realm.name.as_str(),
        "public_key": STANDARD.encode(key.to_public_der()),
        "token-service": format!("{base}/protocol/openid-connect"),
        "tokens-not-before": not_before.realm.seconds(),
    });
    Ok(Response::cacheable(request, page.to_string()))
}
