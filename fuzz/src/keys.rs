//! The target for keys: public ones, sets of them, and the sets with which realms sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::jose::{KeyId, PublicKey, PublicKeys, SigningKeys};
use edge_token::json::Object;
use edge_token::time::{Seconds, UnixTime};
use p256::elliptic_curve::sec1::FromSec1Point as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::known::private_jwks;
use super::{taken, text};

/// A JWK or a JWK Set, public or private. What is taken is a point of the curve, named as RFC 7638
/// has it, and what is published of a private key is not private.
pub fn jwk(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return taken(false);
    };
    if let Some(Ok(key)) = Object::parse(text).ok().map(PublicKey::parse) {
        taken(true);
        check_public(&key, &value);
    }
    let jwks = || value["keys"].as_array().unwrap();
    if let Ok(PublicKeys { usable, ignored }) = PublicKeys::parse(text) {
        taken(true);
        assert!(usable.len() + ignored.len() <= jwks().len());
        for (at, key) in usable.iter().enumerate() {
            assert!(!usable[..at].contains(key));
            // Others with the same name or coordinates may be for another use or curve.
            let is = |value: &Value, text: &str| value.is_null() || value == text;
            let for_us = |jwk: &&Value| {
                jwk["kty"] == "EC"
                    && jwk["crv"] == "P-256"
                    && is(&jwk["use"], "sig")
                    && is(&jwk["alg"], "ES256")
            };
            let jwk = jwks().iter().filter(for_us).find(|jwk| {
                let thumbprint = thumbprint(jwk);
                thumbprint.as_ref() == Some(&key.thumbprint)
                    && jwk["kid"].as_str().unwrap_or(key.thumbprint.as_str()) == key.name()
            });
            check_public(key, jwk.expect("it is one of them"));
        }
    }
    let mut set = SigningKeys::default();
    match set.add(text) {
        Ok(()) => {
            taken(true);
            check_private(&set);
        }
        Err(error) => {
            taken(false);
            assert_eq!(set.iter().count(), 0, "a set is taken whole or not");
            let told = format!("{error} {error:?}");
            let keys = value["keys"].as_array().into_iter().flatten();
            for d in keys.filter_map(|key| key["d"].as_str()) {
                assert!(
                    d.len() < 16 || !told.contains(d),
                    "an error quotes a private key"
                );
            }
        }
    }
}

fn thumbprint(jwk: &Value) -> Option<KeyId> {
    let (x, y) = (jwk["x"].as_str()?, jwk["y"].as_str()?);
    Some(KeyId::thumbprint(&[
        ("crv", "P-256"),
        ("kty", "EC"),
        ("x", x),
        ("y", y),
    ]))
}

fn check_public(key: &PublicKey, jwk: &Value) {
    assert_eq!((&jwk["kty"], &jwk["crv"]), (&json!("EC"), &json!("P-256")));
    assert!(jwk["d"].is_null() && jwk["k"].is_null());
    let [x, y] = ["x", "y"].map(|name| jwk[name].as_str().unwrap());
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
    assert_eq!(key.thumbprint.as_str(), digest);
    let octets = [x, y]
        .map(|text| URL_SAFE_NO_PAD.decode(text).unwrap())
        .concat();
    let point = p256::Sec1Point::from_untagged_bytes(octets.as_slice().try_into().unwrap());
    let point = p256::PublicKey::from_sec1_point(&point);
    assert!(bool::from(point.is_some()), "not on the curve");
}

fn check_private(set: &SigningKeys) {
    let mut before = None;
    for key in set.iter() {
        let order = (key.not_before(), key.kid().clone());
        assert!(before.is_none_or(|before| before < order));
        before = Some(order);
        assert!(key.not_before() < key.expiration());
        let public = serde_json::to_value(key.public()).unwrap();
        assert!(public["d"].is_null());
        check_public(&public_key(&public), &public);
        // What is written is read again as the same key.
        let private = serde_json::to_value(key.to_private_jwk()).unwrap();
        let mut again = SigningKeys::default();
        again
            .add(&json!({ "keys": [private] }).to_string())
            .unwrap();
        let again = again.iter().next().unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(
            (again.not_before(), again.expiration()),
            (key.not_before(), key.expiration())
        );
        // At its time it signs, or a newer one does, and only what ends with it.
        let last = key.expiration();
        assert!(
            set.signing(last, Seconds(0))
                .is_none_or(|other| other.expiration() >= last)
        );
        let signing = set.signing(key.not_before(), Seconds(1));
        assert!(signing.is_none_or(|other| other.not_before() == key.not_before()));
        assert!(set.verifying(key.kid().as_str()).is_some());
    }
    assert_eq!(
        set.published(UnixTime::default()).count(),
        set.iter().count()
    );
    // The same set twice is one set; another one beside it does not disturb.
    let mut twice = set.clone();
    if twice.add(&private_jwks()).is_ok() {
        assert!(twice.iter().count() <= set.iter().count() + 2);
    }
}

fn public_key(jwk: &Value) -> PublicKey {
    let object = Object::from_value(jwk.clone()).unwrap();
    PublicKey::parse(object).unwrap()
}
