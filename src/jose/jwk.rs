//! P-256 keys as JSON Web Keys (RFC 7517, RFC 7518 §6.2) and their thumbprints (RFC 7638).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::AffinePoint;
use p256::ecdsa::VerifyingKey;
use p256::elliptic_curve::point::AffineCoordinates;
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::es256;
use super::mac::hmac_sha256;
use crate::json::{JsonError, Object};
use crate::time::UnixTime;

/// The name of a key (`kid`): here the RFC 7638 thumbprint, in general any text.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct KeyId(String);

impl KeyId {
    /// The SHA-256 thumbprint of a key (RFC 7638 §3): of its required members and their texts, in
    /// lexicographic order, none of which may need quoting in JSON.
    #[must_use]
    pub fn thumbprint(members: &[(&str, &str)]) -> Self {
        let members = members
            .iter()
            .map(|(name, value)| format!(r#""{name}":"{value}""#));
        let json = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(json)))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A public P-256 key for verifying ES256 signatures; only public members exist in it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    y: String,
    kid: KeyId,
    alg: &'static str,
    #[serde(rename = "use")]
    public_key_use: &'static str,
}

/// Public keys, as they are published (RFC 7517 §5).
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// Why a JWK is no signing key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// A member is missing or not what it must be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `d` is not the private key of the point `(x, y)`.
    #[error("members `d`, `x` and `y` are not one key pair")]
    Mismatch,
    /// It is no object, or names a member twice.
    #[error("not a JSON object without repeated members")]
    NotAnObject,
    /// It is for another algorithm, or not for verifying signatures.
    #[error("not for verifying ES256")]
    OtherKind,
    /// A key that should be public has a private member.
    #[error("it is a private key")]
    Private,
    /// `x` and `y` are no point of the curve.
    #[error("members `x` and `y` must be a point of P-256 in base64url without padding")]
    Point,
    /// The key would end before it begins.
    #[error("member `exp` must be greater than `nbf`")]
    Lifetime,
}

/// Why a JWK Set is not what it should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JWK Set (RFC 7517 §5).
    #[error(transparent)]
    Json(#[from] JsonError),
    /// One of its keys is unusable.
    #[error("key {position}: {error}")]
    Key {
        /// Which key, from 1.
        position: usize,
        /// What is wrong with it.
        error: KeyError,
    },
    /// Two different keys have one name.
    #[error("key {position} has the `kid` of another key")]
    RepeatedKeyId {
        /// Which key, from 1.
        position: usize,
    },
}

/// A private P-256 key with the time in which it is used.
#[derive(Clone)]
pub struct SigningKey {
    pub(super) not_before: UnixTime,
    pub(super) expiration: UnixTime,
    pub(super) private: p256::ecdsa::SigningKey,
    public: Jwk,
}

impl SigningKey {
    /// Makes a key of 32 random octets, named by its thumbprint. `None` for the octets that are
    /// no P-256 private key, fewer than one in 2^32: draw again.
    #[must_use]
    pub fn generate(random: &[u8; 32], not_before: UnixTime, expiration: UnixTime) -> Option<Self> {
        let private = p256::ecdsa::SigningKey::from_slice(random).ok()?;
        let (x, y) = coordinates(&private)?;
        let kid = thumbprint(&x, &y);
        Some(Self {
            not_before,
            expiration,
            private,
            public: Jwk::new(x, y, kid),
        })
    }

    /// Reads a private JWK. Members not needed here are ignored (RFC 7517 §4).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(mut jwk: Object) -> Result<Self, KeyError> {
        constant(&mut jwk, "kty", "EC", "\"EC\"")?;
        constant(&mut jwk, "crv", "P-256", "\"P-256\"")?;
        constant(&mut jwk, "alg", es256::NAME, "\"ES256\"")?;
        constant(&mut jwk, "use", "sig", "\"sig\"")?;
        let kid = jwk.require::<String>("kid", TEXT)?;
        if !is_key_id(&kid) {
            return Err(NOT_A_KEY_ID.into());
        }
        let not_before = UnixTime::from_seconds(jwk.require("nbf", NUMERIC_DATE)?);
        let expiration = UnixTime::from_seconds(jwk.require("exp", NUMERIC_DATE)?);
        if expiration <= not_before {
            return Err(KeyError::Lifetime);
        }
        let x = jwk.require::<String>("x", OCTETS)?;
        let y = jwk.require::<String>("y", OCTETS)?;
        let d = Zeroizing::new(jwk.require::<String>("d", OCTETS)?);
        let d = URL_SAFE_NO_PAD.decode(&*d).map(Zeroizing::new);
        let private = d
            .ok()
            .filter(|d| d.len() == 32)
            .and_then(|d| p256::ecdsa::SigningKey::from_slice(&d).ok())
            .ok_or(JsonError::Invalid {
                member: "d",
                expected: OCTETS,
            })?;
        if coordinates(&private) != Some((x.clone(), y.clone())) {
            return Err(KeyError::Mismatch);
        }
        Ok(Self {
            not_before,
            expiration,
            private,
            public: Jwk::new(x, y, KeyId(kid)),
        })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The public half as a SubjectPublicKeyInfo in DER (RFC 5480 §2).
    #[must_use]
    pub fn to_public_der(&self) -> Vec<u8> {
        /// Two SEQUENCEs, the OIDs id-ecPublicKey and prime256v1, and the head of a BIT STRING of
        /// 66 octets: the same for every P-256 key.
        const HEAD: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let point = self.private.verifying_key().to_sec1_point(false);
        [&HEAD, point.as_bytes()].concat()
    }

    /// From when it signs.
    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// Until when it is published.
    #[must_use]
    pub fn expiration(&self) -> UnixTime {
        self.expiration
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.public.kid
    }

    /// A MAC that only holders of the private key can make: HMAC-SHA-256 under it. The input must
    /// say what it is for, since other MACs have the same key.
    #[must_use]
    pub fn mac(&self, input: &[&[u8]]) -> [u8; 32] {
        let d = Zeroizing::new(<[u8; 32]>::from(self.private.to_bytes()));
        hmac_sha256(&d, input)
    }

    /// The key as a JSON Web Key, private member and lifetime included: a secret.
    #[must_use]
    pub fn to_private_jwk(&self) -> PrivateJwk<'_> {
        let d = Zeroizing::new(self.private.to_bytes());
        PrivateJwk {
            public: &self.public,
            d: Zeroizing::new(URL_SAFE_NO_PAD.encode(*d)),
            not_before: self.not_before,
            expiration: self.expiration,
        }
    }
}

/// A private key as it is stored: everything in [`Jwk`], `d`, and when to sign with it.
#[derive(Serialize)]
pub struct PrivateJwk<'a> {
    #[serde(flatten)]
    public: &'a Jwk,
    d: Zeroizing<String>,
    #[serde(rename = "nbf")]
    not_before: UnixTime,
    #[serde(rename = "exp")]
    expiration: UnixTime,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", self.kid())
            .finish_non_exhaustive()
    }
}

impl Jwk {
    fn new(x: String, y: String, kid: KeyId) -> Self {
        Self {
            kty: "EC",
            crv: "P-256",
            x,
            y,
            kid,
            alg: es256::NAME,
            public_key_use: "sig",
        }
    }
}

/// Somebody else's public P-256 key, with which their ES256 signatures are verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    kid: Option<String>,
    /// Its thumbprint (RFC 7638 §3).
    pub thumbprint: KeyId,
    pub(super) key: VerifyingKey,
}

impl PublicKey {
    /// Reads a public JWK.
    ///
    /// # Errors
    /// [`KeyError`]: [`KeyError::OtherKind`] for a key that is none for ES256, which sets may hold
    /// (RFC 7517 §5).
    pub fn parse(mut jwk: Object) -> Result<Self, KeyError> {
        // RFC 7518 §6.2.2, §6.3.2, §6.4.1.
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            if jwk.get(private).is_some_and(|value| !value.is_null()) {
                return Err(KeyError::Private);
            }
        }
        let mut text = |member| jwk.take::<String>(member, TEXT);
        let (kty, crv, alg, usage) = (text("kty")?, text("crv")?, text("alg")?, text("use")?);
        let kid = text("kid")?;
        let operations = jwk.take::<Vec<String>>("key_ops", "an array of strings")?;
        let is_ours = kty.as_deref() == Some("EC")
            && crv.as_deref() == Some("P-256")
            && alg.is_none_or(|alg| alg == es256::NAME)
            && usage.is_none_or(|usage| usage == "sig")
            && operations.is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        if !is_ours {
            return Err(KeyError::OtherKind);
        }
        if kid.as_ref().is_some_and(|kid| !is_key_id(kid)) {
            return Err(NOT_A_KEY_ID.into());
        }
        let (x, y) = (jwk.require("x", OCTETS)?, jwk.require("y", OCTETS)?);
        Self::of_coordinates(kid, x, y)
    }

    /// What it goes by: its name, or else its thumbprint.
    #[must_use]
    pub fn name(&self) -> &str {
        self.kid.as_deref().unwrap_or(self.thumbprint.as_str())
    }

    /// The key at a point of the curve.
    fn of_coordinates(kid: Option<String>, x: String, y: String) -> Result<Self, KeyError> {
        let octets = |text| <[u8; 32]>::try_from(URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let point = octets(&x).zip(octets(&y));
        // Not by SEC1, which brings the square roots of compressed points.
        let point = point.map(|(x, y)| AffinePoint::from_coordinates(&x.into(), &y.into()));
        let point = point.and_then(Option::<AffinePoint>::from);
        let key = point.and_then(|point| VerifyingKey::from_affine(point).ok());
        Ok(Self {
            kid,
            thumbprint: thumbprint(&x, &y),
            key: key.ok_or(KeyError::Point)?,
        })
    }
}

/// The thumbprint of a P-256 key (RFC 7638 §3.2).
fn thumbprint(x: &str, y: &str) -> KeyId {
    KeyId::thumbprint(&[("crv", "P-256"), ("kty", "EC"), ("x", x), ("y", y)])
}

/// Whether a text can name a key: logs have it.
fn is_key_id(text: &str) -> bool {
    (1..=255).contains(&text.len())
}

const NOT_A_KEY_ID: JsonError = JsonError::Invalid {
    member: "kid",
    expected: TEXT,
};

const TEXT: &str = "a text of 1 to 255 octets";
const OCTETS: &str = "32 octets in base64url without padding, fit for P-256";
const NUMERIC_DATE: &str = "whole seconds since 1970";

fn constant(
    jwk: &mut Object,
    member: &'static str,
    value: &str,
    expected: &'static str,
) -> Result<(), JsonError> {
    match jwk.require::<String>(member, expected)? == value {
        true => Ok(()),
        false => Err(JsonError::Invalid { member, expected }),
    }
}

/// `x` and `y` of the public point, as RFC 7518 §6.2.1 writes them.
fn coordinates(private: &p256::ecdsa::SigningKey) -> Option<(String, String)> {
    let point = private.verifying_key().to_sec1_point(false);
    Some((
        URL_SAFE_NO_PAD.encode(point.x()?),
        URL_SAFE_NO_PAD.encode(point.y()?),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_key_is_read_as_it_is_written(random: [u8; 32], begin: u32, span in 1..u32::MAX) {
            let begin = UnixTime::from_seconds(begin.into());
            let end = begin.plus(crate::time::Seconds(span));
            let Some(key) = SigningKey::generate(&random, begin, end) else {
                return Ok(());
            };
            let written = serde_json::to_string(&key.to_private_jwk()).unwrap();
            let read = SigningKey::parse(Object::parse(&written).unwrap()).unwrap();
            assert_eq!(read.public(), key.public());
            assert_eq!((read.not_before(), read.expiration()), (begin, end));
            let public = serde_json::to_string(key.public()).unwrap();
            let public = PublicKey::parse(Object::parse(&public).unwrap()).unwrap();
            assert_eq!(&public.thumbprint, key.kid());
            assert_eq!(&public.key, key.private.verifying_key());
        }
    }
}
