//! Tokens for the holder of a key or certificate (RFC 9449 §6, RFC 8705 §3), exchanged.

use super::super::certificates::{GOOD, OTHER, THUMBPRINT};
use super::*;

const OTHER_KEY: u8 = 22;

/// Exchanges with a proof by that key, if any, and that certificate.
fn exchange(
    fixture: &Fixture,
    form: &str,
    key: Option<u8>,
    certificate: Option<ClientCertificate<'_>>,
) -> Answer {
    let authorization = basic("api", SECRET);
    let body = format!("grant_type={EXCHANGE}{form}");
    let send = |dpop: Option<&str>| {
        fixture.send(&Request {
            authorization: Some(&authorization),
            connection: connection(&certificate),
            dpop,
            ..post("/token", &body)
        })
    };
    let Some(octet) = key else {
        return send(None);
    };
    let asked = send(Some("x"));
    let proof = Signed::proof(
        "https://auth.example/token",
        asked.header("dpop-nonce").unwrap(),
    );
    // No two are the same.
    let proof = proof.claim("jti", format!("p{}", fixture.store.acts()));
    let proof = proof.with_jwk(public_jwk(octet)).signed_by(octet);
    send(Some(&proof.text()))
}

fn bound(token: Signed, confirmation: Value) -> Signed {
    token.claim("cnf", confirmation)
}

const NOT_SHOWN: &str = "bound to a key or certificate that was not shown";

#[test]
fn its_own_token_needs_the_key_and_one_that_it_was_sent_does_not() {
    let fixture = Fixture::exchanging();
    let jkt = json!({ "jkt": kid(CLIENT_KEY) });
    for (name, token, is_own) in [("its own", own(), true), ("another's", of_front(), false)] {
        let form = held(&bound(token, jkt.clone()));
        for key in [None, Some(CLIENT_KEY), Some(OTHER_KEY)] {
            let answer = exchange(&fixture, &form, key, None);
            if is_own && key != Some(CLIENT_KEY) {
                assert_eq!(
                    answer.error(),
                    (400, "invalid_request".into()),
                    "{name} {key:?}"
                );
                assert_eq!(answer.reason(), format!("subject_token: {NOT_SHOWN}"));
                continue;
            }
            // The new one is for the key of the request, whoever's the old one was.
            let expected = key.map(|octet| json!({ "jkt": kid(octet) }));
            assert_eq!(
                answer.claims().get("cnf"),
                expected.as_ref(),
                "{name} {key:?}"
            );
            let token_type = if key.is_some() { "DPoP" } else { "Bearer" };
            assert_eq!(answer.json()["token_type"], token_type, "{name} {key:?}");
        }
    }
}

#[test]
fn an_actors_token_of_its_own_needs_the_key_too() {
    let fixture = Fixture::exchanging();
    let by_own = bound(own(), json!({ "jkt": kid(CLIENT_KEY) })).text();
    let form = format!("{}{}", held(&of_front()), actor(&by_own, ACCESS_TOKEN));
    for key in [None, Some(OTHER_KEY)] {
        let answer = exchange(&fixture, &form, key, None);
        assert_eq!(answer.error(), (400, "invalid_request".into()));
        assert_eq!(answer.reason(), format!("actor_token: {NOT_SHOWN}"));
    }
    let answer = exchange(&fixture, &form, Some(CLIENT_KEY), None);
    assert_eq!(answer.claims()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
}

#[test]
fn its_own_token_needs_the_certificate() {
    let fixture = Fixture::exchanging();
    let of_certificate = json!({ "x5t#S256": THUMBPRINT });
    let both = json!({ "x5t#S256": THUMBPRINT, "jkt": kid(CLIENT_KEY) });
    for (confirmation, key, certificate, is_good) in [
        (&of_certificate, None, Some(GOOD), true),
        (&of_certificate, None, Some(OTHER), false),
        (&of_certificate, Some(CLIENT_KEY), Some(OTHER), false),
        (&both, Some(CLIENT_KEY), Some(GOOD), true),
        (&both, None, Some(GOOD), false),
        (&both, Some(CLIENT_KEY), Some(OTHER), false),
    ] {
        fixture.register_api(|client| client.tls_client_certificate_bound_access_tokens = true);
        let form = held(&bound(own(), confirmation.clone()));
        let answer = exchange(&fixture, &form, key, certificate);
        match is_good {
            true => assert_eq!(answer.claims()["cnf"], *confirmation),
            false => {
                assert_eq!(answer.error(), (400, "invalid_request".into()));
                assert_eq!(answer.reason(), format!("subject_token: {NOT_SHOWN}"));
            }
        }
    }
}

#[test]
fn a_client_whose_tokens_are_for_key_holders_exchanges_for_such_alone() {
    let fixture = Fixture::exchanging();
    fixture.register_api(|client| client.dpop_bound_access_tokens = true);
    let form = held(&of_front());
    let without = exchange(&fixture, &form, None, None);
    assert_eq!(without.error(), (400, "invalid_dpop_proof".into()));
    let answer = exchange(&fixture, &form, Some(CLIENT_KEY), None);
    assert_eq!(answer.claims()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
}
