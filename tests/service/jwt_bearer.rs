//! RFC 7523 §2.1: a trusted issuer says whom a client acts for, and the client gets a token for them.

mod hostile;
mod once;
mod rfc7523;

use super::signed::*;
use super::trusted_issuers::*;
use super::*;

/// An assertion of that name, so that it is not the same as another one.
fn named(jti: &str) -> Signed {
    by_idp().claim("jti", jti)
}

#[test]
fn an_assertion_gets_a_token_for_its_subject() {
    let fixture = Fixture::trusting();
    let answer = fixture.bear(&by_idp(), "");
    let (header, claims) = answer.access_token();
    assert_eq!(header["typ"], "at+jwt");
    // Another's subject is named after it; who asked is the client, and acts for nobody.
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": "idp:mike", "aud": ISSUER, "client_id": "app", "scope": "read write",
            "jti": claims["jti"], "iat": NOW, "exp": NOW + 60,
        })
    );
    // No refresh token, no ID token, and nothing was exchanged.
    assert_eq!(
        names(&answer.json()),
        ["access_token", "expires_in", "scope", "token_type"]
    );
    assert_eq!(answer.json()["token_type"], "Bearer");
    let log = answer.log();
    for (member, value) in [
        ("outcome", "issued"),
        ("grant_type", JWT_BEARER),
        ("client_id", "app"),
        ("sub", "idp:mike"),
    ] {
        assert_eq!(log[member], value, "{log}");
    }
    for part in by_idp().text().split('.') {
        assert!(!log.to_string().contains(part), "{log}");
    }
}

#[test]
fn assertions_may_differ_in_what_says_nothing() {
    let fixture = Fixture::trusting();
    for (at, (name, assertion)) in [
        ("typ JWT", by_idp().header("typ", "JWT")),
        ("typ in lower case", by_idp().header("typ", "jwt")),
        (
            "its own typ",
            by_idp().header("typ", "authorization-grant+jwt"),
        ),
        (
            "no kid of a single key",
            by(PARTNER, PARTNER_KEY).without("kid"),
        ),
        ("the other key", by(IDP, IDP_OTHER_KEY)),
        ("a header of its own", by_idp().header("cty", "x")),
        (
            "claims of its own",
            by_idp().claim("role", json!({ "a": [1] })),
        ),
        (
            "claims of other profiles",
            by_idp()
                .claim("scope", "admin read write")
                .claim("sid", "s1"),
        ),
        (
            "a subject of 255 octets",
            by_idp().claim("sub", "s".repeat(255)),
        ),
        ("exp the next second", by_idp().claim("exp", NOW + 1)),
        (
            "exp an hour and 30 s ahead",
            by_idp().claim("exp", NOW + 3630),
        ),
        (
            "exp with a fraction",
            by_idp().claim("exp", NOW as f64 + 1.5),
        ),
        ("nbf 30 s ahead", by_idp().claim("nbf", NOW + 30)),
        ("iat 30 s ahead", by_idp().claim("iat", NOW + 30)),
        ("iat long ago", by_idp().claim("iat", 0)),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = fixture.bear(&assertion.claim("jti", format!("{at:j>255}")), "");
        assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
        // What it claims besides is not repeated.
        let known = [
            "aud",
            "client_id",
            "exp",
            "iat",
            "iss",
            "jti",
            "scope",
            "sub",
        ];
        assert_eq!(names(&answer.claims()), known, "{name}");
    }
}

#[test]
fn subjects_are_named_after_their_issuer_unless_they_are_the_realms_own() {
    let mut issuers = issuers();
    issuers["partner"]["subjects_are_the_realms_own"] = json!(true);
    let fixture = Fixture::trusting_with(json!({ "trusted_issuers": issuers }));
    for (issuer, key, sub) in [(IDP, IDP_KEY, "idp:mike"), (PARTNER, PARTNER_KEY, "mike")] {
        let answer = fixture.bear(&by(issuer, key), "");
        assert_eq!(answer.claims()["sub"], sub);
        assert_eq!(answer.log()["sub"], sub);
    }
}

#[test]
fn the_scope_is_within_the_clients_the_issuers_and_the_realms() {
    let sets = ["", "a", "b", "a b"];
    let tokens = |text: &'static str| text.split(' ').filter(|token| !token.is_empty());
    for realm in [None, Some("a")] {
        for issuer in [None, Some(""), Some("a"), Some("b"), Some("a b")] {
            let mut issuers = issuers();
            issuers["idp"]["scopes"] = issuer.into();
            let fixture =
                Fixture::trusting_with(json!({ "trusted_issuers": issuers, "scopes": realm }));
            for client in sets {
                fixture.register("app", |record| {
                    may_present(record);
                    record.scope = ScopeSet::parse(client).unwrap();
                });
                for asked in ["", "a", "b", "a+b"] {
                    let name = format!("{asked:?} of {client:?}, {issuer:?}, {realm:?}");
                    let is_allowed = |token: &str| {
                        let mut bounds = [Some(client), issuer, realm].into_iter().flatten();
                        bounds.all(|bound| tokens(bound).any(|known| known == token))
                    };
                    let more = format!("&scope={asked}");
                    let answer = fixture.bear(&by_idp().without("jti"), &more);
                    if !asked
                        .split('+')
                        .filter(|token| !token.is_empty())
                        .all(is_allowed)
                    {
                        assert_eq!(answer.error(), (400, "invalid_scope".into()), "{name}");
                        continue;
                    }
                    let granted = match asked {
                        "" => tokens(client).filter(|token| is_allowed(token)).collect(),
                        asked => asked.split('+').collect::<Vec<_>>(),
                    };
                    let told = answer.json()["scope"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned();
                    assert_eq!((answer.status(), told), (200, granted.join(" ")), "{name}");
                }
            }
        }
    }
}

#[test]
fn without_a_scope_it_is_the_clients_default() {
    let fixture = Fixture::trusting();
    fixture.register("app", |client| {
        may_present(client);
        client.default_scope = Some(ScopeSet::parse("write").unwrap());
    });
    assert_eq!(fixture.bear(&by_idp(), "").json()["scope"], "write");
    // The partner's word is good for `read` alone: nothing is left of the default.
    let partner = by(PARTNER, PARTNER_KEY);
    assert_eq!(fixture.bear(&partner, "").json().get("scope"), None);
}

#[test]
fn the_audience_is_within_the_clients() {
    let fixture = Fixture::trusting();
    fixture.register("app", |client| {
        may_present(client);
        client.audience = vec!["x".into(), "y".into()];
        // That is for what it exchanges.
        client.exchange_audience = vec!["e".into()];
    });
    for (form, expected) in [
        ("", Some(json!(["x", "y"]))),
        ("&resource=x", Some(json!("x"))),
        ("&audience=y", Some(json!("y"))),
        ("&audience=x&resource=y", Some(json!(["y", "x"]))),
        ("&resource=x&audience=x&resource=x", Some(json!("x"))),
        ("&resource=z", None),
        ("&resource=x&resource=z", None),
        ("&audience=e", None),
        ("&resource=X", None),
    ] {
        let answer = fixture.bear(&by_idp().without("jti"), form);
        match expected {
            Some(audience) => assert_eq!(answer.claims()["aud"], audience, "{form}"),
            None => assert_eq!(answer.error(), (400, "invalid_target".into()), "{form}"),
        }
    }
}

#[test]
fn a_token_does_not_outlive_its_assertion() {
    let fixture = Fixture::trusting();
    fixture.register("app", |client| {
        may_present(client);
        client.access_token_ttl = Some(edge_token::time::Seconds(100));
    });
    for (ahead, lives) in [
        (1, 1),
        (60, 60),
        (99, 99),
        (100, 100),
        (101, 100),
        (3600, 100),
    ] {
        let assertion = by_idp().without("jti").claim("exp", NOW + ahead);
        let answer = fixture.bear(&assertion, "");
        assert_eq!(answer.json()["expires_in"], lives, "{ahead}");
        assert_eq!(answer.claims()["exp"], NOW + lives, "{ahead}");
    }
    // Nothing could be had of one that is over that would not outlive it.
    for over in [NOW, NOW - 7] {
        let answer = fixture.bear(&by_idp().claim("exp", over), "");
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{over}");
    }
}

#[test]
fn each_dialect_tells_it_in_its_own_words() {
    for (dialect, path, response, claims, sub) in [
        (
            "keycloak",
            "/realms/default/protocol/openid-connect/token",
            vec![
                "access_token",
                "expires_in",
                "not-before-policy",
                "refresh_expires_in",
                "scope",
                "token_type",
            ],
            vec![
                "acr", "aud", "azp", "exp", "iat", "iss", "jti", "scope", "sub", "typ",
            ],
            "sub",
        ),
        (
            "screening-eagle",
            "/api/id/v1/auth/token",
            vec!["access_token", "expires_in", "scope", "token_type"],
            vec!["aud", "client_id", "exp", "iat", "iss", "jti", "scp", "sub"],
            "sub",
        ),
        (
            "light-oauth2",
            "/oauth2/token",
            vec!["access_token", "expires_in", "token_type"],
            vec![
                "aud",
                "client_id",
                "exp",
                "iat",
                "iss",
                "jti",
                "nbf",
                "scope",
                "user_id",
                "version",
            ],
            "user_id",
        ),
    ] {
        let fixture = Fixture::trusting_with(json!({ "dialect": dialect }));
        let form = format!("grant_type={JWT_BEARER}&assertion={}", by_idp().text());
        let authorization = basic("app", SECRET);
        let answer = fixture.send(&Request {
            authorization: Some(&authorization),
            ..post(path, &form)
        });
        assert_eq!(names(&answer.json()), response, "{dialect}");
        assert_eq!(names(&answer.claims()), claims, "{dialect}");
        assert_eq!(answer.claims()[sub], "idp:mike", "{dialect}");
    }
}

#[test]
fn keycloak_tells_the_realms_not_before_moment() {
    let fixture = Fixture::trusting_with(json!({ "dialect": "keycloak" }));
    let record = json!({ "version": 1, "realm": NOW - 9 }).to_string();
    fixture
        .store
        .put_at("not-before/default".into(), Ok(record));
    let assertion = by_idp().claim("iat", NOW - 9).text();
    let form = format!("grant_type={JWT_BEARER}&assertion={assertion}");
    let authorization = basic("app", SECRET);
    let answer = fixture.send(&Request {
        authorization: Some(&authorization),
        ..post("/realms/default/protocol/openid-connect/token", &form)
    });
    assert_eq!(answer.json()["not-before-policy"], NOW - 9);
}

#[test]
fn a_token_is_for_the_key_that_the_request_proves() {
    let fixture = Fixture::trusting();
    let form = format!("grant_type={JWT_BEARER}&assertion={}", by_idp().text());
    let authorization = basic("app", SECRET);
    let send = |proof: &str| {
        fixture.send(&Request {
            authorization: Some(&authorization),
            dpop: Some(proof),
            ..post("/token", &form)
        })
    };
    let asked = send("x");
    let nonce = asked.header("dpop-nonce").unwrap();
    let proof = Signed::proof("https://auth.example/token", nonce);
    let answer = send(&proof.text());
    assert_eq!(answer.claims()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
    assert_eq!(answer.json()["token_type"], "DPoP");
}

#[test]
fn a_client_may_sign_who_it_is_too() {
    let fixture = Fixture::trusting();
    fixture.register("app", |client| {
        may_present(client);
        by_assertion(client, jwks(&[CLIENT_KEY]));
    });
    let form = |bears: &Signed| {
        format!(
            "grant_type={JWT_BEARER}&assertion={}{}",
            bears.text(),
            presented(&Signed::assertion("app").claim("jti", "a1").text())
        )
    };
    // The same `jti` is another's: the client's and the issuer's.
    let answer = fixture.send(&post("/token", &form(&named("a1"))));
    assert_eq!(answer.claims()["sub"], "idp:mike");
    assert_eq!(fixture.store.acts(), 2);
    // Who the client is, its own assertion says, and never the issuer's.
    let only = format!("grant_type={JWT_BEARER}&assertion={}", named("a2").text());
    let answer = fixture.send(&post("/token", &only));
    assert_eq!(answer.error(), (401, "invalid_client".into()));
}

#[test]
fn a_realm_without_trusted_issuers_does_not_have_the_grant() {
    let realms = json!({
        "default": trusting(json!({})), "other": { "issuer": "https://auth.example/realms/other" },
    });
    let fixture = Fixture::configured(realms, &secrets());
    for realm in ["default", "other"] {
        fixture.register_in(realm, "app", may_present);
    }
    let form = format!("grant_type={JWT_BEARER}&assertion={}", by_idp().text());
    let authorization = basic("app", SECRET);
    let ask = |path| {
        fixture.send(&Request {
            authorization: Some(&authorization),
            ..post(path, &form)
        })
    };
    let refused = ask("/realms/other/token");
    assert_eq!(refused.error(), (400, "unsupported_grant_type".into()));
    assert_eq!(ask("/realms/default/token").status(), 200);
}

/// Who acts for whom is told by token exchange alone: here it would be lost.
#[test]
fn delegation_goes_by_token_exchange() {
    let fixture = Fixture::trusting();
    let someone = json!({ "sub": "svc" });
    for (claim, value) in [
        ("act", someone.clone()),
        ("may_act", someone),
        ("act", Value::Null),
        ("may_act", json!("app")),
    ] {
        let answer = fixture.bear(&by_idp().claim(claim, value), "");
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{claim}");
        let reason = "assertion: its `act` or `may_act` needs token exchange";
        assert_eq!(answer.reason(), reason);
    }
    assert_eq!(fixture.store.acts(), 0);
}

/// By both grants: an old word is worth nothing after an operator ended what is as old.
#[test]
fn what_was_signed_before_a_moment_is_refused() {
    for (moments, signed, is_good) in [
        (
            json!({ "realm": NOW - 9 }),
            by_idp().claim("iat", NOW - 9),
            true,
        ),
        (
            json!({ "realm": NOW - 9 }),
            by_idp().claim("iat", NOW - 10),
            false,
        ),
        (json!({ "realm": NOW - 9 }), by_idp().without("iat"), false),
        (
            json!({ "realm": NOW - 9 }),
            by_idp().without("iat").claim("nbf", NOW - 9),
            true,
        ),
        (
            json!({ "subjects": { "idp:mike": NOW } }),
            by_idp().claim("iat", NOW - 1),
            false,
        ),
        (
            json!({ "subjects": { "mike": NOW, "partner:mike": NOW } }),
            by_idp().claim("iat", NOW - 1),
            true,
        ),
        (
            json!({ "clients": { "app": NOW } }),
            by_idp().claim("iat", NOW - 1),
            false,
        ),
        (json!({}), by_idp().without("iat"), true),
    ] {
        let fixture = Fixture::trusting();
        let mut record = moments.clone();
        record["version"] = json!(1);
        let key = "not-before/default".to_owned();
        fixture.store.put_at(key, Ok(record.to_string()));
        let exchanged = fixture.exchange("app", &subject(&signed.text(), JWT));
        let borne = fixture.bear(&signed, "");
        for (answer, error) in [(exchanged, "invalid_request"), (borne, "invalid_grant")] {
            match is_good {
                true => assert_eq!(answer.status(), 200, "{moments}: {}", answer.reason()),
                false => {
                    assert_eq!(answer.error(), (400, error.into()), "{moments}");
                    let reason = answer.reason();
                    assert!(
                        reason.ends_with("issued before a not-before moment"),
                        "{reason}"
                    );
                }
            }
        }
    }
}

/// By both grants: what an issuer bound to a key is good with a proof by that key, and by no other.
#[test]
fn a_bound_word_is_good_in_the_hands_of_its_holder() {
    let bound = |jkt: &str| by_idp().claim("cnf", json!({ "jkt": jkt }));
    let more = json!({ "jkt": kid(CLIENT_KEY), "x5u": "https://idp.example" });
    for (name, token, is_good) in [
        ("its key", bound(&kid(CLIENT_KEY)), true),
        ("another key", bound(&kid(IDP_KEY)), false),
        ("its key and more", by_idp().claim("cnf", more), false),
    ] {
        let text = token.text();
        for form in [
            format!("grant_type={JWT_BEARER}&assertion={text}"),
            format!("grant_type={EXCHANGE}{}", subject(&text, JWT)),
        ] {
            let fixture = Fixture::trusting();
            let authorization = basic("app", SECRET);
            let send = |proof: &str| {
                fixture.send(&Request {
                    authorization: Some(&authorization),
                    dpop: Some(proof),
                    ..post("/token", &form)
                })
            };
            let asked = send("x");
            let nonce = asked.header("dpop-nonce").unwrap();
            let proof = Signed::proof("https://auth.example/token", nonce);
            let answer = send(&proof.text());
            assert_eq!(
                answer.status() == 200,
                is_good,
                "{name}: {}",
                answer.response.body
            );
            if !is_good {
                let reason = answer.reason();
                assert!(
                    reason.ends_with("certificate that was not shown"),
                    "{reason}"
                );
            }
        }
    }
}

#[test]
fn a_subject_is_one_that_a_log_can_have() {
    let fixture = Fixture::trusting();
    for sub in ["mik\u{e9}", "mike\n", "\u{0}", "mi\u{7f}ke"] {
        let answer = fixture.bear(&by_idp().claim("sub", sub), "");
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{sub:?}");
        let reason = "assertion: its claim `sub` is missing or malformed";
        assert_eq!(answer.reason(), reason, "{sub:?}");
    }
}
