//! A signed token in its compact form (RFC 7515 §3.1), taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Verifier as _;
use serde_json::{Map, Value};

use super::jwks::verifying_key;

/// A token whose signature is not looked at yet.
pub(crate) struct Jwt {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Self {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed: signed.to_owned(),
            signature: decode(signature)?,
        })
    }

    /// Whether a published key made the signature, by ES256 (RFC 7518 §3.4).
    pub(super) fn is_signed_by(&self, key: &Value) -> bool {
        let signature = Signature::from_slice(&self.signature);
        let (Some(key), Ok(signature)) = (verifying_key(key), signature) else {
            return false;
        };
        key.verify(self.signed.as_bytes(), &signature).is_ok()
    }

    /// A claim that is a number, in whole seconds.
    pub(crate) fn seconds(&self, claim: &str) -> Option<u64> {
        self.claims.get(claim)?.as_u64()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7515 appendix A.3.
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0d\
        HA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfT\
        jDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    #[test]
    fn the_token_of_rfc_7515_verifies_and_a_changed_one_does_not() {
        let key = json!({"kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
        let token = Jwt::parse(TOKEN).unwrap();
        assert_eq!(token.seconds("exp"), Some(1_300_819_380));
        assert!(token.is_signed_by(&key));
        for changed in [
            TOKEN.replacen("eyJhbGciOiJFUzI1NiJ9", "eyJhbGciOiJub25lIn0", 1),
            TOKEN.replacen(".Dt", ".Et", 1),
        ] {
            assert!(
                !Jwt::parse(&changed).unwrap().is_signed_by(&key),
                "{changed}"
            );
        }
        for text in ["", "a.b", "opaque", "..", "e30.e30.!"] {
            assert!(Jwt::parse(text).is_none(), "{text}");
        }
    }
}
