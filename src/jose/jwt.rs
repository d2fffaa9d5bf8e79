//! Signed JSON Web Tokens in the compact form (RFC 7519, RFC 7515 §3.1).

use chrono::{DateTime, Utc};
use jwt_compact::{AlgorithmExt, CreationError, Header};
use serde::Serialize;

use super::es256::Es256;
use super::jwk::SigningKey;
use crate::time::UnixTime;

/// What a token says: when it was issued and when it expires, and the claims of its profile.
pub struct Claims<T> {
    /// `iat`.
    pub issued_at: UnixTime,
    /// `nbf`, if the token has one.
    pub not_before: Option<UnixTime>,
    /// `exp`.
    pub expiration: UnixTime,
    /// All others.
    pub custom: T,
}

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims cannot be written as a JSON object.
    #[error(transparent)]
    Claims(#[from] CreationError),
    /// `iat`, `nbf` or `exp` is past the last year that can be told.
    #[error("a moment out of range")]
    Time,
}

/// Signs `claims` under a header of `alg`, `kid` and, if there is one, `typ`.
///
/// # Errors
/// [`SignError`].
pub fn sign<T: Serialize>(
    key: &SigningKey,
    token_type: Option<&str>,
    claims: Claims<T>,
) -> Result<String, SignError> {
    let mut header = Header::empty().with_key_id(key.kid().as_str());
    header.token_type = token_type.map(str::to_owned);
    let mut body = jwt_compact::Claims::new(claims.custom);
    body.issued_at = Some(date_time(claims.issued_at)?);
    body.not_before = claims.not_before.map(date_time).transpose()?;
    body.expiration = Some(date_time(claims.expiration)?);
    Ok(Es256.token(&header, &body, &key.private)?)
}

fn date_time(moment: UnixTime) -> Result<DateTime<Utc>, SignError> {
    i64::try_from(moment.seconds())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or(SignError::Time)
}
