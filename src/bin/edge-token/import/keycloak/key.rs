//! The key of a client's assertions that is in no JWK Set: in a certificate, or by itself.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use p256::ecdsa::VerifyingKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};

use super::super::Stop;
use super::super::placeholder::is_template;
use super::super::value::Members;

pub(super) const CERTIFICATE: &str = "jwt.credential.certificate";
pub(super) const PUBLIC_KEY: &str = "jwt.credential.public.key";
const KID: &str = "jwt.credential.kid";

/// Base64 as it is found: padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Elliptic curves, and the one of ES256 (RFC 5480 §2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Other kinds of keys, and other curves, by the names that people know.
const OTHERS: [(&str, &str); 8] = [
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.10", "RSA"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.0.34", "of the curve P-384"),
    ("1.3.132.0.35", "of the curve P-521"),
    ("1.3.132.0.10", "of the curve secp256k1"),
];

/// The JWK Set of a client that has one of both: of the certificate, if it has both. None if it has
/// neither. Whether the certificate has ended is not asked there either.
pub(super) fn set(attributes: Members<'_>) -> Result<Option<Value>, Stop> {
    let certificate = attributes.attribute(CERTIFICATE)?;
    let (attribute, text) = match (certificate, attributes.attribute(PUBLIC_KEY)?) {
        (Some(certificate), _) => (CERTIFICATE, certificate),
        (None, Some(key)) => (PUBLIC_KEY, key),
        (None, None) => return Ok(None),
    };
    if is_template(&text) {
        return Err(Stop::Wrong(format!("its `{attribute}` is a placeholder")));
    }
    let key = decoded(&text).and_then(|der| match attribute {
        CERTIFICATE => {
            let certificate = Certificate::from_der(&der).ok()?;
            Some(
                certificate
                    .tbs_certificate()
                    .subject_public_key_info()
                    .clone(),
            )
        }
        _ => SubjectPublicKeyInfoOwned::from_der(&der).ok(),
    });
    let key = key.ok_or_else(|| match attribute {
        CERTIFICATE => format!("its `{attribute}` cannot be read as an X.509 certificate"),
        _ => format!("its `{attribute}` cannot be read as a public key"),
    })?;
    let kid = attributes.attribute(KID)?;
    jwk(&key, kid, attribute).map(|jwk| Some(json!({ "keys": [jwk] })))
}

/// What is within the armour of PEM, or without one.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let parts = text.split("-----");
    let parts = parts.filter(|part| !part.starts_with("BEGIN ") && !part.starts_with("END "));
    let text = parts.flat_map(str::split_whitespace).collect::<String>();
    BASE64.decode(text).ok()
}

/// A key as a JWK. Keycloak calls it by the `kid` that it has for it, else by the hash of the key
/// as it is encoded, and takes an assertion that says that name or none. With this name both work
/// here too: a name is looked up, and without one the only key of a client is meant.
fn jwk(
    key: &SubjectPublicKeyInfoOwned,
    kid: Option<String>,
    attribute: &str,
) -> Result<Value, Stop> {
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    if key.algorithm.oid != EC || curve != Some(P256) {
        let kind = curve.filter(|_| key.algorithm.oid == EC);
        return Err(other(kind.unwrap_or(key.algorithm.oid), attribute));
    }
    let broken = || Stop::Wrong(format!("the key in its `{attribute}` is not on its curve"));
    let octets = key.subject_public_key.as_bytes();
    let point = octets.and_then(|octets| VerifyingKey::from_sec1_bytes(octets).ok());
    let point = point.ok_or_else(broken)?.to_sec1_point(false);
    let (x, y) = point.x().zip(point.y()).ok_or_else(broken)?;
    let encoded = key.to_der().map_err(|_| broken())?;
    Ok(json!({
        "kty": "EC",
        "crv": "P-256",
        "x": URL_SAFE_NO_PAD.encode(x),
        "y": URL_SAFE_NO_PAD.encode(y),
        "kid": kid.unwrap_or_else(|| URL_SAFE_NO_PAD.encode(Sha256::digest(encoded))),
    }))
}

/// Why a key of another kind is not taken.
fn other(kind: ObjectIdentifier, attribute: &str) -> Stop {
    let kind = kind.to_string();
    let name = OTHERS.iter().find(|(known, _)| *known == kind);
    let name = match name {
        Some((_, name)) => (*name).to_owned(),
        None => format!("of the kind {kind}"),
    };
    Stop::LeftOut(format!(
        "its key is {name}, and ES256 alone is served: make it a key on P-256, and put that into \
         `{attribute}`, or into `jwks.string` with `use.jwks.string`"
    ))
}
