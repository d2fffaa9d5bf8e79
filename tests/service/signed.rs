//! Tokens that clients sign, assertions and proofs: good ones, and what becomes of them by hand.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::auth_method::AuthMethod;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use sha2::{Digest as _, Sha256};

use super::*;

/// The octet of the key that clients have here. The realm's is 1.
pub(super) const CLIENT_KEY: u8 = 21;

pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A token before it is signed.
#[derive(Clone)]
pub(super) struct Signed {
    header: Value,
    claims: Value,
    /// The octet of the key that signs it.
    key: u8,
}

impl Signed {
    /// An assertion of a client for the realm `default` (RFC 7523 §3), good for a minute.
    pub(super) fn assertion(client: &str) -> Self {
        Self {
            header: json!({ "alg": "ES256", "kid": kid(CLIENT_KEY) }),
            claims: json!({
                "iss": client, "sub": client, "aud": ISSUER, "exp": NOW + 60, "jti": "a1",
            }),
            key: CLIENT_KEY,
        }
    }

    /// A proof for a POST (RFC 9449 §4.2).
    pub(super) fn proof(url: &str, nonce: &str) -> Self {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256" });
        let claims = json!({ "jti": "p1", "htm": "POST", "htu": url, "iat": NOW, "nonce": nonce });
        let key = CLIENT_KEY;
        Self {
            header,
            claims,
            key,
        }
        .with_jwk(public_jwk(key))
    }

    /// An access token of the realm `default` for itself, by the realm's own key (RFC 9068 §2).
    pub(super) fn access_token(client: &str) -> Self {
        Self {
            header: json!({ "typ": "at+jwt", "alg": "ES256", "kid": kid(1) }),
            claims: json!({
                "iss": ISSUER, "sub": client, "client_id": client, "aud": ISSUER,
                "iat": NOW, "exp": NOW + 300, "jti": "t1",
            }),
            key: 1,
        }
    }

    pub(super) fn header(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.header[member] = value.into();
        self
    }

    pub(super) fn claim(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    /// What a claim says; `null` if it is not there.
    pub(super) fn claim_of(&self, claim: &str) -> &Value {
        &self.claims[claim]
    }

    /// Without that member of its header, or that claim.
    pub(super) fn without(mut self, name: &str) -> Self {
        for members in [&mut self.header, &mut self.claims] {
            members.as_object_mut().unwrap().remove(name);
        }
        self
    }

    /// Signed by another key than its header says.
    pub(super) fn signed_by(self, key: u8) -> Self {
        Self { key, ..self }
    }

    /// With that JWK in its header.
    pub(super) fn with_jwk(self, jwk: Value) -> Self {
        self.header("jwk", jwk)
    }

    pub(super) fn text(&self) -> String {
        self.with_claims(self.claims.to_string())
    }

    /// With that text where its claims are.
    pub(super) fn with_claims(&self, claims: impl AsRef<[u8]>) -> String {
        signed(self.header.to_string(), claims, self.key)
    }

    /// With that text where its header is.
    pub(super) fn with_header(&self, header: impl AsRef<[u8]>) -> String {
        signed(header, self.claims.to_string(), self.key)
    }

    /// Its claims as JSON, to be bent as a text.
    pub(super) fn claims(&self) -> String {
        self.claims.to_string()
    }

    /// With other octets where its signature is.
    pub(super) fn with_signature(&self, change: impl FnOnce(Signature) -> Vec<u8>) -> String {
        let text = self.text();
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let octets = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let signature = Signature::from_slice(&octets).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(change(signature)))
    }
}

/// A token of that header and those claims, whatever they are (RFC 7515 §7.1).
fn signed(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>, key: u8) -> String {
    let [header, claims] =
        [header.as_ref(), claims.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = format!("{header}.{claims}");
    let key = p256::ecdsa::SigningKey::from_slice(&[key; 32]).unwrap();
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// The public JWK of the key that is made of an octet, named by its thumbprint.
pub(super) fn public_jwk(octet: u8) -> Value {
    serde_json::to_value(key(octet, 0, 1).public()).unwrap()
}

/// Its name, which is also its thumbprint.
pub(super) fn kid(octet: u8) -> String {
    key(octet, 0, 1).kid().as_str().to_owned()
}

/// `ath` of an access token (RFC 9449 §4.2).
pub(super) fn ath(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(access_token))
}

/// The parameters that present an assertion (RFC 7521 §4.2).
pub(super) fn presented(assertion: &str) -> String {
    presented_as(ASSERTION_TYPE, assertion)
}

/// The same under another type.
pub(super) fn presented_as(assertion_type: &str, assertion: &str) -> String {
    let parameters = [
        ("client_assertion_type", assertion_type),
        ("client_assertion", assertion),
    ];
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("&{form}")
}

/// A JWK Set of those keys.
pub(super) fn jwks(octets: &[u8]) -> Value {
    json!({ "keys": octets.iter().map(|octet| public_jwk(*octet)).collect::<Vec<_>>() })
}

/// Lets a client authenticate by assertions.
pub(super) fn by_assertion(client: &mut Client, jwks: Value) {
    client.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    client.jwks = Some(jwks).filter(|jwks| !jwks.is_null());
}
