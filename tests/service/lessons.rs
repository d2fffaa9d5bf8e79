//! Mistakes that other services made, by what they were called, where a grant could repeat them.

use edge_token::auth_method::AuthMethod;

use super::signed::*;
use super::trusted_issuers::*;
use super::*;

/// What a record says besides.
type Change = fn(&mut Client);

/// The client `app`, which signs who it is, and may use both grants and its own.
fn signing() -> Fixture {
    let fixture = Fixture::trusting();
    fixture.register("app", |client| {
        may_present(client);
        client.grant_types.push("client_credentials".into());
        by_assertion(client, jwks(&[CLIENT_KEY]));
    });
    fixture
}

/// What is no moment but reads like one that is far ahead, or like none.
fn no_moments() -> [(&'static str, Value); 9] {
    [
        ("a text of digits", json!((NOW + 60).to_string())),
        ("a text that is no number", json!("never")),
        ("an empty text", json!("")),
        ("a date", json!("2099-01-01T00:00:00Z")),
        ("null", Value::Null),
        ("true", json!(true)),
        ("a list", json!([NOW + 60])),
        ("an object", json!({})),
        ("negative", json!(-1)),
    ]
}

#[test]
fn a_string_exp_skipped_the_expiry_check_of_client_assertions() {
    let fixture = signing();
    let good = || Signed::assertion("app");
    let send = |assertion: &Signed| {
        let form = format!(
            "grant_type=client_credentials{}",
            presented(&assertion.text())
        );
        fixture.send(&post("/token", &form))
    };
    for (name, value) in no_moments() {
        let answer = send(&good().claim("exp", value));
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{name}");
        let reason = "assertion: its claim `exp` is missing or malformed";
        assert_eq!(answer.reason(), reason, "{name}");
    }
    // One that is over, in either type.
    for value in [json!(NOW - 60), json!((NOW - 60).to_string())] {
        assert_eq!(send(&good().claim("exp", value)).status(), 401);
    }
    assert_eq!(send(&good().without("exp")).status(), 401);
    assert_eq!(fixture.store.acts(), 0);
    assert_eq!(send(&good()).status(), 200);
}

#[test]
fn a_string_exp_skipped_the_expiry_check_of_bearer_assertions() {
    let fixture = Fixture::trusting();
    for (name, value) in no_moments() {
        let answer = fixture.bear(&by_idp().claim("exp", value), "");
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{name}");
        let reason = "assertion: its claim `exp` is missing or malformed";
        assert_eq!(answer.reason(), reason, "{name}");
    }
    for value in [json!(NOW - 60), json!((NOW - 60).to_string())] {
        assert_eq!(
            fixture.bear(&by_idp().claim("exp", value), "").status(),
            400
        );
    }
    assert_eq!(fixture.bear(&by_idp().without("exp"), "").status(), 400);
    assert_eq!(fixture.store.acts(), 0);
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
}

#[test]
fn a_string_exp_skipped_the_expiry_check_of_subject_and_actor_tokens() {
    let fixture = Fixture::trusting();
    let own = || Signed::access_token("app");
    let good = subject(&own().text(), ACCESS_TOKEN);
    let send = |form: &str| fixture.exchange("app", form);
    for (token, token_type, reason) in [
        (by_idp(), JWT, "its claim `exp` is missing or malformed"),
        (own(), ACCESS_TOKEN, "not one of this realm"),
    ] {
        for (name, value) in no_moments() {
            let text = token.clone().claim("exp", value).text();
            for (parameter, form) in [
                ("subject_token", subject(&text, token_type)),
                ("actor_token", format!("{good}{}", actor(&text, token_type))),
            ] {
                let answer = send(&form);
                assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
                assert_eq!(answer.reason(), format!("{parameter}: {reason}"), "{name}");
            }
        }
        assert_eq!(send(&subject(&token.text(), token_type)).status(), 200);
    }
}

/// Who takes a list, or the endpoint, lets whoever else it is for pass it on.
#[test]
fn array_or_token_endpoint_aud_of_bearer_assertions() {
    let endpoint = format!("{ISSUER}/token");
    // Not even where client assertions of old may be for it.
    let fixture =
        Fixture::trusting_with(json!({ "assertion_audience_may_be_token_endpoint": true }));
    for (name, audience) in [
        (
            "a list with the issuer first",
            json!([ISSUER, "https://other.example"]),
        ),
        (
            "a list with the issuer last",
            json!(["https://other.example", ISSUER]),
        ),
        ("a list with the token endpoint", json!([endpoint])),
        ("an empty list", json!([])),
        ("the token endpoint", json!(endpoint)),
        ("its other path", json!("https://auth.example/token")),
        (
            "the token endpoint of another realm",
            json!("https://auth.example/realms/other/token"),
        ),
        ("the origin", json!("https://auth.example")),
    ] {
        let token = by_idp().claim("aud", audience);
        let answer = fixture.bear(&token, "");
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{name}");
        let reason = "its `aud` is not the issuer alone";
        assert_eq!(answer.reason(), format!("assertion: {reason}"), "{name}");
        let answer = fixture.exchange("app", &subject(&token.text(), JWT));
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
        assert_eq!(
            answer.reason(),
            format!("subject_token: {reason}"),
            "{name}"
        );
    }
    assert_eq!(fixture.store.acts(), 0);
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
}

#[test]
fn jti_replay_of_bearer_assertions() {
    let mut fixture = Fixture::trusting();
    fixture.register("other", may_present);
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
    let again = by_idp();
    for (name, seconds, assertion) in [
        ("at once", 0, again.clone()),
        ("with another kid that is good", 0, by(IDP, IDP_OTHER_KEY)),
        ("about another", 0, again.clone().claim("sub", "eve")),
        (
            "with a later end",
            0,
            again.clone().claim("exp", NOW + 3600),
        ),
        ("with another header", 0, again.clone().header("typ", "JWT")),
        ("in its last second", 59, again.clone()),
        (
            "when it is over, by one with its name",
            69,
            again.clone().claim("exp", NOW + 120),
        ),
    ] {
        fixture.at(seconds);
        let answer = fixture.bear(&assertion, "");
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{name}");
        assert_eq!(
            answer.reason(),
            "assertion: its `jti` was used before",
            "{name}"
        );
    }
    // By another client neither: it is the issuer's name.
    fixture.at(0);
    let form = format!("grant_type={JWT_BEARER}&assertion={}", again.text());
    let answer = fixture.token_as(&basic("other", SECRET), &form);
    assert_eq!(answer.error(), (400, "invalid_grant".into()));
    assert_eq!(fixture.bear(&again.claim("jti", "a2"), "").status(), 200);
}

#[test]
fn a_weaker_authentication_method_than_the_registered_one_at_these_grants() {
    let fixture = Fixture::trusting();
    let registered: [(AuthMethod, Change); 5] = [
        (AuthMethod::PrivateKeyJwt, |client| {
            by_assertion(client, jwks(&[CLIENT_KEY]))
        }),
        (AuthMethod::TlsClientAuth, |client| {
            client.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
            client.tls_client_auth_subject_dn = Some("CN=app".into());
        }),
        (AuthMethod::ClientSecretBasic, |client| {
            client.jwks = Some(jwks(&[CLIENT_KEY]))
        }),
        (AuthMethod::ClientSecretPost, |client| {
            client.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
        }),
        (AuthMethod::None, |client| {
            client.token_endpoint_auth_method = AuthMethod::None
        }),
    ];
    let by_secret = format!("&client_id=app&client_secret={}", SECRET.replace(' ', "+"));
    let in_basic = basic("app", SECRET);
    let nameless = by_idp().without("jti");
    let grants = [
        format!("grant_type={JWT_BEARER}&assertion={}", nameless.text()),
        format!("grant_type={EXCHANGE}{}", subject(&by_idp().text(), JWT)),
        format!(
            "grant_type={EXCHANGE}{}",
            subject(&Signed::access_token("app").text(), ACCESS_TOKEN)
        ),
    ];
    let (mut refused, mut taken) = (0, 0);
    for (method, change) in registered {
        fixture.register("app", |client| {
            may_present(client);
            // A secret of an earlier time is still there.
            change(client);
        });
        for (at, grant) in grants.iter().enumerate() {
            let signed = Signed::assertion("app").claim("jti", format!("{}{at}", method.name()));
            for (shown, authorization, more) in [
                (AuthMethod::None, "", "&client_id=app".to_owned()),
                (AuthMethod::ClientSecretPost, "", by_secret.clone()),
                (AuthMethod::ClientSecretBasic, &*in_basic, String::new()),
                (AuthMethod::PrivateKeyJwt, "", presented(&signed.text())),
            ] {
                let acts = fixture.store.acts();
                let answer = fixture.token_as(authorization, &format!("{grant}{more}"));
                let name = format!("{} of a client by {}", shown.name(), method.name());
                match (shown == method, method) {
                    // Public clients are who they are, and have neither grant.
                    (true, AuthMethod::None) => {
                        assert_eq!(
                            answer.error(),
                            (400, "unauthorized_client".into()),
                            "{name}"
                        );
                    }
                    (true, _) => {
                        assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
                        taken += 1;
                        continue;
                    }
                    (false, _) => {
                        assert_eq!(answer.error(), (401, "invalid_client".into()), "{name}")
                    }
                }
                assert_eq!(answer.log().get("jti"), None, "{name}");
                assert_eq!(fixture.store.acts(), acts, "{name}");
                refused += 1;
            }
        }
    }
    assert_eq!((refused, taken), (51, 9));
}
