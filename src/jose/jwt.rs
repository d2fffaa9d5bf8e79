//! Signed JSON Web Tokens in the compact form (RFC 7519, RFC 7515 §3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jwt_compact::{Algorithm as _, AlgorithmExt, AlgorithmSignature as _, CreationError, Header};
use serde::Serialize;
use serde_json::{Map, Value};

use super::es256::{self, Es256};
use super::jwk::{PublicKey, SigningKey};
use super::signing_keys::SigningKeys;
use crate::json::{JsonError, Object};
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

/// Why a text is no signed token that could be believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url, or not two JSON objects without repeated members.
    #[error("not a signed token in the compact form")]
    Malformed,
    /// `alg` is missing or another.
    #[error("its algorithm is not ES256")]
    Algorithm,
    /// The header asks for an extension that must be understood (RFC 7515 §4.1.11).
    #[error("its header has `crit`")]
    Critical,
    /// The header tells where its own key is to be had (RFC 7515 §4.1.2, §4.1.5, §4.1.6).
    #[error("its header refers to a key of its own")]
    KeyReference,
    /// The signature is not the key's.
    #[error("its signature is not the key's")]
    Signature,
}

/// A token as somebody presents it: well-formed and by ES256, and nothing of it believed yet.
pub struct UntrustedToken<'t> {
    /// `kid` of the header.
    pub kid: Option<String>,
    /// `typ` of the header.
    pub token_type: Option<String>,
    /// `jwk` of the header.
    pub jwk: Option<Object>,
    /// The claims.
    pub claims: Object,
    signed: &'t str,
    signature: es256::Signature,
}

impl<'t> UntrustedToken<'t> {
    /// Reads a token in the compact form (RFC 7515 §3.1).
    ///
    /// It is read here and not by jwt-compact, which ignores repeated members and would bring a second
    /// way to read any claims.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn parse(token: &'t str) -> Result<Self, TokenError> {
        let parts = token.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, claims) = signed.split_once('.')?;
            let octets = URL_SAFE_NO_PAD.decode(signature).ok()?;
            Some((signed, object(header)?, object(claims)?, octets))
        });
        let (signed, mut header, claims, signature) = parts.ok_or(TokenError::Malformed)?;
        let mut text = |member| header.take::<String>(member, TEXT);
        // The algorithm first: what another one's signature looks like is not known here.
        if text("alg").ok().flatten().as_deref() != Some(es256::NAME) {
            return Err(TokenError::Algorithm);
        }
        let kid = text("kid").map_err(|_| TokenError::Malformed)?;
        let token_type = text("typ").map_err(|_| TokenError::Malformed)?;
        let signature =
            es256::Signature::try_from_slice(&signature).map_err(|_| TokenError::Malformed)?;
        let jwk = header.take("jwk", "an object");
        let jwk = jwk.map_err(|_| TokenError::Malformed)?;
        for (member, _) in header.into_members() {
            match member.as_str() {
                "crit" => return Err(TokenError::Critical),
                "jku" | "x5u" | "x5c" => return Err(TokenError::KeyReference),
                _ => (),
            }
        }
        Ok(Self {
            kid,
            token_type,
            jwk,
            claims,
            signed,
            signature,
        })
    }

    /// Whether `key` signed it. Without a key the same work is done for nothing.
    #[must_use]
    pub fn is_signed_by(&self, key: Option<&PublicKey>) -> bool {
        let decoy = || p256::PublicKey::from_affine(p256::AffinePoint::GENERATOR);
        let verifying = match key {
            Some(key) => Some(key.key),
            None => decoy().ok().map(Into::into),
        };
        verifying.is_some_and(|verifying| self.is_verified_by(&verifying)) && key.is_some()
    }

    fn is_verified_by(&self, key: &p256::ecdsa::VerifyingKey) -> bool {
        Es256.verify_signature(&self.signature, key, self.signed.as_bytes())
    }
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
#[must_use]
pub fn verify(keys: &SigningKeys, token: &str) -> Option<Verified> {
    let mut token = UntrustedToken::parse(token).ok()?;
    let key = keys.verifying(token.kid.as_deref()?)?;
    if !token.is_verified_by(&key) {
        return None;
    }
    Some(Verified {
        expiration: UnixTime::from_seconds(token.claims.require("exp", "a number").ok()?),
        token_type: token.token_type,
        claims: token.claims.into_members(),
    })
}

/// Takes a moment, if it is there (RFC 7519 §2, NumericDate). A fraction of a second is cut off.
///
/// # Errors
/// [`JsonError`] for what is no number or before the epoch.
pub fn numeric_date(
    claims: &mut Object,
    claim: &'static str,
) -> Result<Option<UnixTime>, JsonError> {
    let Some(value) = claims.take::<Value>(claim, NUMERIC_DATE)? else {
        return Ok(None);
    };
    // The cut saturates.
    let cut = || value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64);
    let seconds = value.as_u64().or_else(cut);
    let seconds = seconds.ok_or(JsonError::Invalid {
        member: claim,
        expected: NUMERIC_DATE,
    })?;
    Ok(Some(UnixTime::from_seconds(seconds)))
}

const NUMERIC_DATE: &str = "seconds since 1970";
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
