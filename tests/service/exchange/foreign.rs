//! Tokens of trusted issuers, exchanged.

use super::*;

fn exchange(fixture: &Fixture, token: &Signed, more: &str) -> Answer {
    fixture.exchange("api", &format!("{}{more}", subject(&token.text(), JWT)))
}

#[test]
fn another_issuers_token_gets_one_for_its_subject() {
    let fixture = Fixture::exchanging();
    let answer = exchange(&fixture, &by_idp(), "");
    let claims = answer.claims();
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": "idp:mike", "aud": [API, DB], "client_id": "api",
            "scope": "read write", "act": { "sub": "api" }, "jti": claims["jti"], "iat": NOW,
            "exp": NOW + 60,
        })
    );
    assert_eq!(answer.json()["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(
        (&answer.log()["sub"], &answer.log()["actor"]),
        (&json!("idp:mike"), &json!("api"))
    );
    // It lasts: RFC 8693 has no name to be used up.
    assert_eq!(exchange(&fixture, &by_idp(), "").status(), 200);
    assert_eq!(fixture.store.acts(), 0);
}

#[test]
fn what_they_may_differ_in_says_nothing() {
    let fixture = Fixture::exchanging();
    for (name, token) in [
        ("an access token", by_idp().header("typ", "at+jwt")),
        ("typ in upper case", by_idp().header("typ", "AT+JWT")),
        ("typ JWT", by_idp().header("typ", "JWT")),
        ("no name", by_idp().without("jti")),
        ("exp the next second", by_idp().claim("exp", NOW + 1)),
        ("exp in a year", by_idp().claim("exp", NOW + 31_536_000)),
        ("exp at the end of time", by_idp().claim("exp", u64::MAX)),
        ("nbf 30 s ahead", by_idp().claim("nbf", NOW + 30)),
        (
            "a subject of 255 octets",
            by_idp().claim("sub", "s".repeat(255)),
        ),
        // What another says of people, sessions and keys is not the realm's to repeat.
        (
            "a session of its own",
            by_idp()
                .claim("sid", "s1")
                .claim("auth_time", 1)
                .claim("acr", "9"),
        ),
        (
            "claims of people",
            by_idp()
                .claim("email", "a@example.com")
                .claim("name", "Ada"),
        ),
        (
            "a client of its own",
            by_idp().claim("client_id", "front").claim("azp", "front"),
        ),
        (
            "a scope of its own",
            by_idp().claim("scope", "admin write read"),
        ),
    ] {
        let answer = exchange(&fixture, &token, "");
        assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
        let known = [
            "act",
            "aud",
            "client_id",
            "exp",
            "iat",
            "iss",
            "jti",
            "scope",
            "sub",
        ];
        let claims = answer.claims();
        assert_eq!(names(&claims), known, "{name}");
        assert_eq!(
            (&claims["client_id"], &claims["scope"]),
            (&json!("api"), &json!("read write"))
        );
        assert_eq!(answer.log().get("family"), None, "{name}");
    }
}

#[test]
fn no_dialect_repeats_what_another_says_of_people() {
    for (dialect, path) in [
        ("keycloak", "/realms/default/protocol/openid-connect/token"),
        ("screening-eagle", "/api/id/v1/auth/token"),
        ("light-oauth2", "/oauth2/token"),
    ] {
        let fixture = Fixture::exchanging_with(json!({ "dialect": dialect }));
        fixture.register_api(|client| {
            client.scope = ScopeSet::parse("openid profile email").unwrap();
        });
        let mut token = by_idp();
        let said = [
            "email",
            "name",
            "preferred_username",
            "user_type",
            "roles",
            "userID",
            "scopes",
        ];
        for claim in said {
            token = token.claim(claim, "admin");
        }
        let form = format!("grant_type={EXCHANGE}{}", subject(&token.text(), JWT));
        let answer = fixture.send(&Request {
            authorization: Some(&basic("api", SECRET)),
            ..post(path, &form)
        });
        for claim in said {
            assert_eq!(answer.claims().get(claim), None, "{dialect} {claim}");
        }
    }
}

#[test]
fn subjects_are_named_after_their_issuer_unless_they_are_the_realms_own() {
    let mut issuers = issuers();
    issuers["partner"]["subjects_are_the_realms_own"] = json!(true);
    let fixture = Fixture::exchanging_with(json!({ "trusted_issuers": issuers }));
    let partner = by(PARTNER, PARTNER_KEY).text();
    for (subject_token, actor_token, sub, act) in [
        (by_idp().text(), &partner, "idp:mike", "mike"),
        (partner.clone(), &by_idp().text(), "mike", "idp:mike"),
    ] {
        let form = format!(
            "{}{}",
            subject(&subject_token, JWT),
            actor(actor_token, JWT)
        );
        let answer = fixture.exchange("api", &form);
        assert_eq!(answer.claims()["sub"], sub);
        assert_eq!(answer.claims()["act"], json!({ "sub": act }));
    }
}

#[test]
fn the_scope_is_within_the_issuers_and_the_clients() {
    for (bound, asked, expected) in [
        (None, "", Some("read write")),
        (None, "write", Some("write")),
        (None, "admin", None),
        (Some("read admin"), "", Some("read")),
        (Some("read admin"), "read", Some("read")),
        (Some("read admin"), "write", None),
        (Some("read admin"), "admin", None),
        (Some(""), "", Some("")),
        (Some(""), "read", None),
    ] {
        let mut issuers = issuers();
        issuers["idp"]["scopes"] = bound.into();
        let fixture = Fixture::exchanging_with(json!({ "trusted_issuers": issuers }));
        let answer = exchange(&fixture, &by_idp(), &format!("&scope={asked}"));
        match expected {
            Some(scope) => {
                assert_eq!(
                    answer.status(),
                    200,
                    "{bound:?} {asked}: {}",
                    answer.reason()
                );
                assert_eq!(answer.json()["scope"].as_str().unwrap_or_default(), scope);
            }
            None => assert_eq!(
                answer.error(),
                (400, "invalid_scope".into()),
                "{bound:?} {asked}"
            ),
        }
    }
}

#[test]
fn the_audience_is_the_clients() {
    let fixture = Fixture::exchanging();
    for (form, expected) in [
        ("", Some(json!([API, DB]))),
        ("&resource=https://db.example", Some(json!(DB))),
        ("&audience=https://backend.example", Some(json!(BACKEND))),
        ("&audience=https://auth.example/realms/default", None),
        ("&audience=https://other.example", None),
    ] {
        let answer = exchange(&fixture, &by_idp(), form);
        match expected {
            Some(audience) => assert_eq!(answer.claims()["aud"], audience, "{form}"),
            None => assert_eq!(answer.error(), (400, "invalid_target".into()), "{form}"),
        }
    }
}

#[test]
fn who_acts_there_is_nobody_that_acts_here() {
    let fixture = Fixture::exchanging();
    let there = |more: Value| {
        let mut act = json!({ "sub": "x", "iss": IDP });
        act.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        act
    };
    for (name, act, expected) in [
        ("one", json!({ "sub": "x" }), there(json!({}))),
        (
            "one who says to be of the realm",
            json!({ "sub": "x", "iss": ISSUER }),
            there(json!({})),
        ),
        (
            "one with more",
            json!({ "sub": "x", "email": "e" }),
            there(json!({})),
        ),
        (
            "one after another",
            json!({ "sub": "x", "act": { "sub": "api", "act": { "sub": "front", "iss": ISSUER } } }),
            there(json!({
                "act": { "sub": "api", "iss": IDP, "act": { "sub": "front", "iss": IDP } },
            })),
        ),
    ] {
        for may_impersonate in [false, true] {
            fixture.register_api(|client| client.may_impersonate = may_impersonate);
            let claims = exchange(&fixture, &by_idp().claim("act", act.clone()), "").claims();
            let told = match may_impersonate {
                true => &claims["act"],
                false => {
                    assert_eq!(claims["act"]["sub"], "api", "{name}");
                    assert_eq!(claims["act"].get("iss"), None, "{name}");
                    &claims["act"]["act"]
                }
            };
            assert_eq!(told, &expected, "{name}");
        }
    }
}

#[test]
fn an_act_that_is_none_is_refused() {
    let fixture = Fixture::exchanging();
    for (name, act) in [
        ("null", Value::Null),
        ("a text", json!("api")),
        ("a list", json!([{ "sub": "x" }])),
        ("true", json!(true)),
        ("a sub that is a list", json!({ "sub": ["x"] })),
        ("a text in it", json!({ "sub": "x", "act": "api" })),
        ("null in it", json!({ "sub": "x", "act": null })),
        (
            "a list deep in it",
            json!({ "sub": "x", "act": { "sub": "y", "act": [] } }),
        ),
    ] {
        for may_impersonate in [false, true] {
            fixture.register_api(|client| client.may_impersonate = may_impersonate);
            let token = by_idp().claim("act", act.clone());
            let answer = exchange(&fixture, &token, "");
            assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
            let reason = "subject_token: its claim `act` is missing or malformed";
            assert_eq!(answer.reason(), reason, "{name}");
        }
    }
}

#[test]
fn a_token_for_the_audience_that_is_configured_is_good_and_no_other() {
    let mut issuers = issuers();
    issuers["idp"]["audience"] = json!(["urn:example:sts", "https://auth.example/token"]);
    let fixture = Fixture::exchanging_with(json!({ "trusted_issuers": issuers }));
    for (audience, is_good) in [
        (json!("urn:example:sts"), true),
        (json!("https://auth.example/token"), true),
        (json!(ISSUER), false),
        (json!(["urn:example:sts"]), true),
        (json!(["urn:example:sts", ISSUER]), false),
        (json!("urn:example:STS"), false),
    ] {
        let answer = exchange(&fixture, &by_idp().claim("aud", audience.clone()), "");
        let expected = if is_good { 200 } else { 400 };
        assert_eq!(answer.status(), expected, "{audience}: {}", answer.reason());
    }
}
