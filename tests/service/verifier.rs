//! A resource server in Rust: the crate `jsonwebtoken` verifies tokens from the served JWK Set.

use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

use super::*;

/// Verifies as `examples/verify` does, but with the validation given and without a clock.
fn verify(token: &str, jwks: &JwkSet, validation: &Validation) -> Result<Value> {
    let header = decode_header(token)?;
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let jwk = jwks.find(header.kid.as_deref().unwrap()).unwrap();
    Ok(decode(token, &DecodingKey::from_jwk(jwk)?, validation)?.claims)
}

#[test]
fn jsonwebtoken_verifies_with_issuer_and_audience_and_only_with_them() {
    let fixture = Fixture::new();
    let jwks =
        serde_json::from_value::<JwkSet>(fixture.get("/realms/default/jwks").json()).unwrap();
    let answer = fixture.token("").json();
    let token = answer["access_token"].as_str().unwrap();

    let mut right = Validation::new(Algorithm::ES256);
    right.set_issuer(&[ISSUER]);
    right.set_audience(&[ISSUER]);
    right.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // NOW is years ahead, so the token has not expired by the clock either.
    assert_eq!(verify(token, &jwks, &right).unwrap()["client_id"], "app");

    let mut other_issuer = right.clone();
    other_issuer.set_issuer(&["https://auth.example/realms/other"]);
    let mut other_audience = right.clone();
    other_audience.set_audience(&["https://api.example"]);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    for (token, validation, kind) in [
        (token, &other_issuer, ErrorKind::InvalidIssuer),
        (token, &other_audience, ErrorKind::InvalidAudience),
        (&forged, &right, ErrorKind::InvalidSignature),
    ] {
        assert_eq!(*verify(token, &jwks, validation).unwrap_err().kind(), kind);
    }
}
