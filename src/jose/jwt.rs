//! Signed JSON Web Tokens in the compact form (RFC 7519, RFC 7515 §3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jwt_compact::{Algorithm as _, AlgorithmExt, AlgorithmSignature as _, CreationError, Header};
use serde::Serialize;
use serde_json::{Map, Value};

use super::es256::{self, Es256};
use super::jwk::SigningKey;
use super::signing_keys::SigningKeys;
use crate::json::Object;
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

/// A token whose signature one of the signer's own keys made.
pub struct Verified {
    /// `typ` of the header.
    pub token_type: Option<String>,
    /// `exp`.
    pub expiration: UnixTime,
    /// All claims but `exp`.
    pub claims: Map<String, Value>,
}

impl Verified {
    /// A claim that is a text.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }
}

/// Verifies the signature of a token with the key among `keys` that its header names. What the claims
/// say is for the caller to check, `exp` included: no key signs what ends after its own.
///
/// The token is read here and not by jwt-compact, which would bring a second way to read any claims.
#[must_use]
pub fn verify(keys: &SigningKeys, token: &str) -> Option<Verified> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let mut header = object(header)?;
    if header.require::<String>("alg", TEXT).ok()? != es256::NAME {
        return None;
    }
    let kid = header.require::<String>("kid", TEXT).ok()?;
    let key = keys.verifying(&kid)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let signature = es256::Signature::try_from_slice(&signature).ok()?;
    if !Es256.verify_signature(&signature, &key, signed.as_bytes()) {
        return None;
    }
    let mut claims = object(claims)?;
    Some(Verified {
        token_type: header.take("typ", TEXT).ok()?,
        expiration: UnixTime::from_seconds(claims.require("exp", "a number").ok()?),
        claims: claims.into_members().collect(),
    })
}

const TEXT: &str = "a text";

/// Reads a part of a token.
fn object(part: &str) -> Option<Object> {
    let octets = URL_SAFE_NO_PAD.decode(part).ok()?;
    Object::parse(std::str::from_utf8(&octets).ok()?).ok()
}

fn date_time(moment: UnixTime) -> Result<DateTime<Utc>, SignError> {
    i64::try_from(moment.seconds())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or(SignError::Time)
}
