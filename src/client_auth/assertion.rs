//! Client assertions, `private_key_jwt` (RFC 7523 §2.2, §3): a client signs who it is, for this
//! realm, for some minutes, once.

use crate::client::Client;
use crate::proof::assertion::{Assertion, AssertionError, Profile};
use crate::proof::replay::{Holder, Mark};
use crate::realm::Realm;
use crate::time::{Seconds, UnixTime};

/// The only type of assertion (RFC 7523 §2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What is asked of them.
pub(super) const PROFILE: Profile = Profile {
    types: &["JWT", "client-authentication+jwt"],
    max_lifetime: Some(Seconds(300)),
    needs_jti: true,
};

/// Checks the assertion of a client that may not exist, at the moment `now`. Returns the name of the
/// key that signed it, what of its keys is ignored, and the mark to make of it.
///
/// Whatever is missing, one signature is verified.
pub(super) fn verify(
    assertion: &Assertion<'_>,
    client: Option<&Client>,
    realm: &Realm,
    now: UnixTime,
) -> Result<(String, Option<String>, Mark), AssertionError> {
    // 1. The key: one of the client's own.
    let keys = client.and_then(|client| client.keys().ok());
    let keys = keys.unwrap_or_default();
    let key = assertion.signed_by(&keys.usable)?;
    // 2. Who it is, and for whom (RFC 7523 §3, 1 to 3).
    let subject = assertion.subject.as_str();
    let is_client = client.is_some_and(|client| client.client_id.as_str() == subject);
    if !is_client || assertion.issuer != subject {
        return Err(AssertionError::Subject);
    }
    if !realm.is_assertion_audience(&assertion.audience) {
        return Err(AssertionError::Audience);
    }
    // 3. When (4 to 6), and once (7).
    let until = assertion.until(now)?;
    let jti = assertion.jti.as_deref().unwrap_or_default();
    let mark = Mark::new(&realm.name, Holder::Client(subject), jti, until);
    Ok((key.name().to_owned(), keys.told(), mark))
}
