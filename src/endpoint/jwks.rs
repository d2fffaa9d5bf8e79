//! The JWK Set (RFC 7517 §5): the public keys that verify a realm's tokens.

use crate::error::{Failure, Fault};
use crate::http::{Request, Response};
use crate::jose::JwkSet;
use crate::realm::{NoSigningKey, Realm};
use crate::time::UnixTime;

/// Answers with the keys that are published `now`.
///
/// # Errors
/// [`NoSigningKey`] when there is none: an empty set would be cached.
pub fn respond(request: &Request<'_>, realm: &Realm, now: UnixTime) -> Result<Response, Failure> {
    let keys = realm.keys.published(now).cloned().collect::<Vec<_>>();
    if keys.is_empty() {
        let (realm, lifetime) = (realm.name.to_string(), 0);
        return Err(NoSigningKey {
            realm,
            now,
            lifetime,
        }
        .into());
    }
    let body = serde_json::to_string(&JwkSet { keys }).map_err(Fault::from)?;
    Ok(Response::cacheable(request, body))
}
