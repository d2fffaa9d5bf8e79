//! RFC 8705 §3, §4: refresh tokens and access tokens for the holder of a certificate.

use super::super::certificates::{DIGEST, GOOD, OTHER, THUMBPRINT};
use super::super::signed::{Signed, ath};
use super::*;

impl People {
    /// Sends a form of the public client `spa` with a certificate.
    fn post_with(&self, form: &str, certificate: Option<ClientCertificate<'_>>) -> Answer {
        let body = format!("{form}&client_id=spa");
        self.send(&Request {
            connection: connection(&certificate),
            ..post("/token", &body)
        })
    }

    fn refresh_with(&self, token: &str, certificate: Option<ClientCertificate<'_>>) -> Answer {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        self.post_with(&form, certificate)
    }

    fn userinfo_with(&self, token: &str, certificate: Option<ClientCertificate<'_>>) -> Answer {
        self.send(&Request {
            method: "GET",
            path: "/userinfo",
            authorization: Some(&format!("Bearer {token}")),
            connection: connection(&certificate),
            ..Request::default()
        })
    }
}

/// The public client `spa`, its tokens for the holder of a certificate, and the first ones.
fn bound() -> (People, Answer) {
    let people = People::new();
    people.register("spa", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = edge_token::auth_method::AuthMethod::None;
        client.tls_client_certificate_bound_access_tokens = true;
    });
    let code = people.code("spa", &format!("&scope=openid{PKCE}"), json!({}));
    let uri = encoded(CALLBACK);
    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"
    );
    let without = people.post_with(&form, None);
    assert_eq!(without.error(), (400, "invalid_request".into()));
    let tokens = people.post_with(&form, Some(GOOD));
    assert_eq!(tokens.claims()["cnf"], json!({ "x5t#S256": THUMBPRINT }));
    assert_eq!(tokens.text("token_type"), "Bearer");
    (people, tokens)
}

#[test]
fn userinfo_wants_the_certificate_that_the_token_is_for() {
    let (people, tokens) = bound();
    let token = tokens.text("access_token");
    assert_eq!(
        people.userinfo_with(&token, Some(GOOD)).json(),
        json!({ "sub": "1302" })
    );
    let revoked = ClientCertificate {
        revoked: "1",
        ..GOOD
    };
    let unverified = ClientCertificate {
        verified: "FAILED:self signed",
        ..GOOD
    };
    let malformed = ClientCertificate {
        fingerprint: &DIGEST[1..],
        ..GOOD
    };
    for (name, certificate) in [
        ("none", None),
        ("another", Some(OTHER)),
        ("revoked", Some(revoked)),
        ("not verified", Some(unverified)),
        ("a fingerprint cut short", Some(malformed)),
    ] {
        let answer = people.userinfo_with(&token, certificate);
        assert_eq!(answer.error(), (401, "invalid_token".into()), "{name}");
        assert_eq!(
            answer.reason(),
            "invalid access token: bound to a certificate",
            "{name}"
        );
        let challenge = r#"Bearer realm="default", error="invalid_token""#;
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{name}");
    }
    // A token that is for nobody in particular may come with any.
    let free = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    assert_eq!(
        people
            .userinfo_with(&free.text("access_token"), Some(OTHER))
            .status(),
        200
    );
}

#[test]
fn refresh_tokens_of_a_public_client_are_for_its_certificate() {
    let (people, tokens) = bound();
    let token = tokens.text("refresh_token");
    let other = people.refresh_with(&token, Some(OTHER));
    assert_eq!(other.error(), invalid_grant());
    assert_eq!(other.reason(), "not the holder of the key or certificate");
    assert_eq!(
        people.refresh_with(&token, None).error(),
        (400, "invalid_request".into())
    );
    let next = people.refresh_with(&token, Some(GOOD));
    assert_eq!(next.claims()["cnf"], json!({ "x5t#S256": THUMBPRINT }));
    // They are even if the client's record does not ask for it any more.
    people.register("spa", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = edge_token::auth_method::AuthMethod::None;
    });
    let token = next.text("refresh_token");
    assert_eq!(
        people.refresh_with(&token, Some(OTHER)).error(),
        invalid_grant()
    );
}

#[test]
fn a_token_for_a_key_and_a_certificate_needs_both() {
    let (people, _) = bound();
    people.register("app", |client| {
        client.tls_client_certificate_bound_access_tokens = true
    });
    let nonce = people.send(&Request {
        dpop: Some("x"),
        ..post("/token", "")
    });
    let nonce = nonce.header("dpop-nonce").unwrap().to_owned();
    let proof =
        |path: &str, jti: &str| Signed::proof(&format!("{ISSUER}{path}"), &nonce).claim("jti", jti);
    let code = people.code("app", "&scope=openid", json!({}));
    let uri = encoded(CALLBACK);
    let tokens = people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        connection: Some(&GOOD),
        dpop: Some(&proof("/token", "1").text()),
        ..post(
            "/token",
            &format!("grant_type=authorization_code&code={code}&redirect_uri={uri}"),
        )
    });
    let token = tokens.text("access_token");
    assert_eq!(tokens.claims()["cnf"]["x5t#S256"], THUMBPRINT);
    assert!(tokens.claims()["cnf"]["jkt"].is_string());
    for (jti, certificate, status, reason) in [
        ("2", Some(GOOD), 200, ""),
        (
            "3",
            Some(OTHER),
            401,
            "invalid access token: bound to a certificate",
        ),
        (
            "4",
            None,
            401,
            "invalid access token: bound to a certificate",
        ),
    ] {
        let answer = people.send(&Request {
            method: "GET",
            path: "/userinfo",
            authorization: Some(&format!("DPoP {token}")),
            dpop: Some(
                &proof("/userinfo", jti)
                    .claim("htm", "GET")
                    .claim("ath", ath(&token))
                    .text(),
            ),
            connection: connection(&certificate),
            ..Request::default()
        });
        assert_eq!(answer.status(), status, "{jti}");
        if status != 200 {
            assert_eq!(answer.reason(), reason);
        }
    }
}
