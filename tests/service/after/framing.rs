//! What a request for introspection or revocation must look like from outside, and who may ask: as
//! at the token endpoint.

use super::*;

const ENDPOINTS: [&str; 2] = ["/introspect", "/revoke"];
const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

#[test]
fn only_a_post_is_answered() {
    let people = realm("rfc9068", json!({}));
    for path in ENDPOINTS {
        for method in [
            "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
        ] {
            let answer = people.send(&Request {
                method,
                authorization: Some(&basic("app", SECRET)),
                query: "token=x",
                ..post(path, "token=x")
            });
            assert_eq!(answer.status(), 405, "{path} {method}");
            assert_eq!(answer.header("allow"), Some("POST"), "{path} {method}");
        }
    }
    assert_eq!(people.fixture.store.reads(), 0);
}

#[test]
fn malformed_requests_cost_no_look_up() {
    let people = realm("rfc9068", json!({}));
    let long = format!("token={}", "x".repeat(16 * 1024 - 5));
    let cases: [(&str, &[u8], u16); 13] = [
        ("no body", b"", 400),
        ("no token", b"token_type_hint=access_token", 400),
        ("an empty token", b"token=", 400),
        ("a bare token", b"token", 400),
        ("a token under another name", b"access_token=x", 400),
        ("token twice", b"token=x&token=x", 400),
        ("token twice, once encoded", b"token=x&t%6fken=y", 400),
        (
            "the hint twice",
            b"token=x&token_type_hint=a&token_type_hint=a",
            400,
        ),
        ("a broken escape", b"token=%", 400),
        ("escaped octets that are not UTF-8", b"token=%ff", 400),
        ("octets that are not UTF-8", b"token=\xff", 400),
        ("a secret besides Basic", b"token=x&client_secret=x", 400),
        ("more than 16 KiB", long.as_bytes(), 413),
    ];
    for path in ENDPOINTS {
        for (name, body, status) in cases {
            let answer = people.send(&Request {
                authorization: Some(&basic("app", SECRET)),
                body,
                ..post(path, "")
            });
            let expected = (status, "invalid_request".to_owned());
            assert_eq!(answer.error(), expected, "{path}: {name}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.log()["outcome"], "rejected", "{path}: {name}");
        }
        let longest = post(path, &long[..16 * 1024]);
        let answer = people.send(&Request {
            content_encoding: Some("gzip"),
            ..longest
        });
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{path}");
    }
    assert_eq!(people.fixture.store.reads(), 0);
    for path in ENDPOINTS {
        let answer = people.post_as("app", path, &long[..16 * 1024]);
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[test]
fn other_parameters_and_any_hint_are_ignored() {
    let people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid");
    for member in ["access_token", "refresh_token"] {
        let token = tokens.text(member);
        let expected = people.introspect("app", &token).response;
        for more in [
            "&token_type_hint=access_token",
            "&token_type_hint=refresh_token",
            "&token_type_hint=x",
            "&token_type_hint=",
            "&x=1",
            "&client_id=app",
            "&resource=a&resource=b",
            "&grant_type=password",
        ] {
            let answer = people.post_as("app", "/introspect", &format!("token={token}{more}"));
            assert_eq!(answer.response, expected, "{member} {more}");
        }
    }
    // A hint that is wrong revokes nothing less (RFC 7009 §2.1).
    for (member, hint) in [
        ("access_token", "refresh_token"),
        ("refresh_token", "access_token"),
    ] {
        let token = people.tokens("openid").text(member);
        let form = format!("token={token}&token_type_hint={hint}");
        assert_eq!(people.post_as("app", "/revoke", &form).status(), 200);
        assert!(!people.is_active(&token), "{member}");
    }
}

/// What keycloak alone refuses, for its clients' sake.
#[test]
fn a_dialects_own_rules_of_framing_hold_here_too() {
    for (dialect, statuses) in [("keycloak", [406, 415]), ("rfc9068", [200, 400])] {
        let people = realm(dialect, json!({}));
        let app = basic("app", SECRET);
        for path in ENDPOINTS {
            for (accept, content_type, status) in [
                (Some("text/html"), FORM, statuses[0]),
                (None, Some("application/json"), statuses[1]),
                (Some("application/json"), FORM, 200),
                (None, FORM, 200),
            ] {
                let answer = people.send(&Request {
                    authorization: Some(&app),
                    accept,
                    content_type,
                    ..post(path, "token=x")
                });
                assert_eq!(answer.status(), status, "{dialect} {path} {accept:?}");
            }
        }
    }
    let people = realm("screening-eagle", json!({}));
    let answer = people.post_as("app", "/revoke", "");
    assert!(answer.json()["errorDescription"].is_string());
    // Without base64, as its document has it.
    let people = realm("light-oauth2", json!({}));
    for path in ENDPOINTS {
        let answer = people.send(&Request {
            authorization: Some(&format!("Basic app:{SECRET}")),
            ..post(path, "token=x")
        });
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[test]
fn every_failed_authentication_looks_as_it_does_at_the_token_endpoint() {
    let people = realm("rfc9068", json!({}));
    people.register("disabled", |client| client.disabled = true);
    people.register("post", |client| {
        client.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    });
    people.register("expired", |client| {
        client.secrets[0].expires_at = Some(UnixTime::from_seconds(NOW));
    });
    people.register("early", |client| {
        client.secrets[0].not_before = Some(UnixTime::from_seconds(NOW + 1));
    });
    people.register("keys", |client| by_assertion(client, jwks(&[CLIENT_KEY])));
    people.register("tls", |client| {
        client.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
        client.tls_client_auth_subject_dn = Some("CN=app".to_owned());
    });
    let tokens = people.tokens("openid");
    let token = tokens.text("access_token");
    let assertion = Signed::assertion("keys");
    let expected = people.post_as("nobody", "/token", "grant_type=client_credentials");
    assert_eq!(expected.error(), invalid_client());
    let secret = "client_secret=correct+horse+battery+staple";
    let cases = [
        ("nothing", String::new(), String::new()),
        ("an id alone", String::new(), "&client_id=app".into()),
        ("a secret alone", String::new(), format!("&{secret}")),
        ("an unknown client", basic("nobody", SECRET), String::new()),
        (
            "an unknown client by post",
            String::new(),
            format!("&client_id=nobody&{secret}"),
        ),
        (
            "an unknown client that says so",
            String::new(),
            "&client_id=nobody".into(),
        ),
        ("a wrong secret", basic("app", "wrong"), String::new()),
        ("an empty secret", basic("app", ""), String::new()),
        ("another client's id", basic("APP", SECRET), String::new()),
        (
            "a wrong secret by post",
            String::new(),
            "&client_id=post&client_secret=x".into(),
        ),
        (
            "basic for a post client",
            basic("post", SECRET),
            String::new(),
        ),
        (
            "post for a basic client",
            String::new(),
            format!("&client_id=app&{secret}"),
        ),
        (
            "a disabled client",
            basic("disabled", SECRET),
            String::new(),
        ),
        ("an expired secret", basic("expired", SECRET), String::new()),
        ("a secret too early", basic("early", SECRET), String::new()),
        ("not base64", "Basic %%%".into(), String::new()),
        ("a scheme alone", "Basic".into(), String::new()),
        (
            "the token as a bearer token",
            format!("Bearer {token}"),
            String::new(),
        ),
        (
            "the token by its key",
            format!("DPoP {token}"),
            String::new(),
        ),
        ("the token as a secret", basic("app", &token), String::new()),
        (
            "a secret for a client of assertions",
            basic("keys", SECRET),
            String::new(),
        ),
        (
            "a client of assertions that only says who it is",
            String::new(),
            "&client_id=keys".into(),
        ),
        (
            "an assertion of another key",
            String::new(),
            presented(&assertion.clone().signed_by(22).text()),
        ),
        (
            "an assertion for another realm",
            String::new(),
            presented(
                &assertion
                    .claim("aud", "https://auth.example/realms/other")
                    .text(),
            ),
        ),
        (
            "a client of certificates without one",
            String::new(),
            "&client_id=tls".into(),
        ),
    ];
    for path in ENDPOINTS {
        for (name, authorization, more) in &cases {
            let answer = people.send(&Request {
                authorization: Some(&**authorization).filter(|text| !text.is_empty()),
                ..post(path, &format!("token={token}{more}"))
            });
            assert_eq!(answer.response, expected.response, "{path}: {name}");
        }
    }
    assert!(people.is_active(&token));
}

#[test]
fn clients_may_authenticate_in_every_way_that_the_token_endpoint_has() {
    let people = realm("rfc9068", json!({}));
    people.register("post", |client| {
        client.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    });
    people.register("keys", |client| by_assertion(client, jwks(&[CLIENT_KEY])));
    people.register("tls", |client| {
        client.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
        client.tls_client_auth_subject_dn = Some("CN=app".to_owned());
    });
    let certificate = ClientCertificate {
        verified: "SUCCESS",
        subject_dn: "CN=app",
        ..ClientCertificate::default()
    };
    for (at, path) in ENDPOINTS.into_iter().enumerate() {
        let assertion = Signed::assertion("keys").claim("jti", format!("a{at}"));
        let assertion = assertion.text();
        for (name, form, authorization) in [
            ("basic", String::new(), Some(basic("app", SECRET))),
            (
                "post",
                "&client_id=post&client_secret=correct+horse+battery+staple".into(),
                None,
            ),
            ("keys", presented(&assertion), None),
            ("tls", "&client_id=tls".into(), None),
        ] {
            let body = format!("token=x{form}");
            let request = Request {
                authorization: authorization.as_deref(),
                connection: Some(&certificate),
                ..post(path, &body)
            };
            let answer = people.send(&request);
            assert_eq!(answer.status(), 200, "{path} {name}: {}", answer.reason());
            // An assertion is good once, here as there.
            let again = if name == "keys" { 401 } else { 200 };
            assert_eq!(people.send(&request).status(), again, "{path} {name}");
        }
    }
}

/// RFC 7662 §2.1: "MUST also require some form of authorization". RFC 7009 §2.1: a public client
/// revokes by its name.
#[test]
fn a_public_client_revokes_and_is_told_nothing() {
    let people = realm("rfc9068", json!({ "introspection_clients": ["spa"] }));
    let code = people.code("spa", &format!("&scope=openid{PKCE}"), json!({}));
    let form = format!(
        "grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={}&code_verifier={VERIFIER}",
        encoded(CALLBACK)
    );
    let tokens = people.token("spa", &form);
    let token = tokens.text("access_token");
    let body = format!("token={token}&client_id=spa");
    let refused = people.send(&post("/introspect", &body));
    assert_eq!(refused.error(), invalid_client());
    assert_eq!(people.userinfo(&token).status(), 200);
    assert_eq!(people.send(&post("/revoke", &body)).status(), 200);
    assert_eq!(people.userinfo(&token).error().0, 401);
}
