//! RFC 7009: a client says that it needs a token no more, and nothing of ours takes it from then on.

use super::*;

fn assert_revoked(answer: &Answer) {
    assert_eq!(answer.status(), 200, "{}", answer.reason());
    assert_eq!(answer.response.body, "{}");
    let headers = [
        ("content-type", "application/json".into()),
        ("cache-control", "no-store".into()),
        ("pragma", "no-cache".into()),
        ("strict-transport-security", "max-age=31536000".into()),
    ];
    assert_eq!(answer.response.headers, headers);
    assert_eq!(answer.log()["outcome"], "revoked");
}

#[test]
fn a_revoked_access_token_is_taken_nowhere() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        people.register("registrar", |client| {
            client.grant_types = vec!["client_credentials".into()];
            client.scope = ScopeSet::parse("client_registration").unwrap();
            client.audience = vec![ISSUER.to_owned()];
        });
        let tokens = people.tokens("openid+read");
        let token = tokens.text("access_token");
        let registrar = people.token("registrar", "grant_type=client_credentials");
        let registrar = registrar.text("access_token");
        assert_eq!(people.userinfo(&token).status(), 200, "{dialect}");
        assert_eq!(people.exchange(&token).status(), 200, "{dialect}");
        assert_eq!(people.register_with(&registrar).status(), 201, "{dialect}");

        assert_revoked(&people.revoke("app", &token));
        assert_revoked(&people.revoke("registrar", &registrar));
        let told = people.introspect("app", &token);
        assert_eq!(told.json(), inactive(), "{dialect}");
        for (answer, error) in [
            (people.userinfo(&token), (401, "invalid_token".to_owned())),
            (
                people.register_with(&registrar),
                (401, "invalid_token".to_owned()),
            ),
            (people.exchange(&token), (400, "invalid_request".to_owned())),
        ] {
            assert_eq!(answer.error(), error, "{dialect}");
            assert!(answer.reason().ends_with("revoked"), "{}", answer.reason());
        }
        // The family lives: the client can have another one.
        let next = people.refresh(&tokens.text("refresh_token"), "");
        assert_eq!(people.userinfo(&next.text("access_token")).status(), 200);
    }
}

/// RFC 7009 §2.1: "the authorization server SHOULD also invalidate all access tokens based on the
/// same authorization grant".
#[test]
fn a_refresh_token_takes_its_family_along() {
    for dialect in DIALECTS {
        // The good one, the one before it, and one of long ago.
        for age in 0..3 {
            let mut people = realm(dialect, json!({}));
            let mut tokens = vec![people.tokens("openid+read")];
            for _ in 0..2 {
                people.later(20);
                let refresh = tokens.last().unwrap().text("refresh_token");
                tokens.push(people.refresh(&refresh, ""));
            }
            let exchanged = people.exchange(&tokens[0].text("access_token"));
            let revoked = tokens[2 - age].text("refresh_token");
            assert_revoked(&people.revoke("app", &revoked));
            assert_eq!(people.fixture.store.families(), 0, "{dialect}, {age}");
            for tokens in &tokens {
                let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
                assert!(!people.is_active(&access) && !people.is_active(&refresh));
                assert_eq!(people.refresh(&refresh, "").error(), invalid_grant());
                assert_eq!(
                    people.userinfo(&access).error(),
                    (401, "invalid_token".into())
                );
                assert_eq!(people.exchange(&access).error().0, 400, "{dialect}");
            }
            assert!(
                !people.is_active(&exchanged.text("access_token")),
                "{dialect}"
            );
            // Another of the same person and client is another's family.
            assert!(people.is_active(&people.tokens("openid").text("refresh_token")));
        }
    }
}

#[test]
fn a_refresh_token_of_a_client_for_itself_takes_its_family_along() {
    let people = realm("keycloak", json!({}));
    let form = "grant_type=client_credentials&scope=offline_access";
    let tokens = people.token("machine", form);
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    assert!(people.is_active(&access));
    assert_revoked(&people.revoke("machine", &refresh));
    assert!(!people.is_active(&access) && !people.is_active(&refresh));
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(people.token("machine", &form).error(), invalid_grant());
}

/// It is of no use any more, but says which family it is.
#[test]
fn a_refresh_token_that_was_idle_too_long_still_ends_its_family() {
    let mut people = realm("rfc9068", json!({ "refresh_token_idle_ttl": 100 }));
    let tokens = people.tokens("openid");
    people.later(200);
    assert!(people.is_active(&tokens.text("access_token")));
    assert_revoked(&people.revoke("app", &tokens.text("refresh_token")));
    assert!(!people.is_active(&tokens.text("access_token")));
}

/// RFC 7009 §2.1: "If this validation fails, the request is refused".
#[test]
fn a_token_of_another_client_is_refused_and_stays_active() {
    let people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid+read");
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let exchanged = people.exchange(&access).text("access_token");
    let acts = people.fixture.store.acts();
    for (caller, token) in [
        ("other", &access),
        ("api", &access),
        ("inspector", &access),
        ("machine", &access),
        // It is the exchanging client's, whoever's token it came from.
        ("app", &exchanged),
    ] {
        let answer = people.revoke(caller, token);
        assert_eq!(answer.error(), invalid_grant(), "{caller}");
        assert_eq!(answer.reason(), "another client's grant");
    }
    assert_eq!(people.fixture.store.acts(), acts);
    for caller in ["other", "api", "inspector"] {
        let answer = people.revoke(caller, &refresh);
        assert_eq!(answer.error(), invalid_grant(), "{caller}");
    }
    for token in [&access, &refresh] {
        let body = format!("token={token}&client_id=spa");
        assert_eq!(
            people.send(&post("/revoke", &body)).error(),
            invalid_grant()
        );
        // A confidential client that only says who it is.
        let body = format!("token={token}&client_id=app");
        assert_eq!(
            people.send(&post("/revoke", &body)).error(),
            invalid_client()
        );
    }
    for token in [&access, &refresh, &exchanged] {
        assert!(people.is_active(token));
    }
    assert_eq!(people.refresh(&refresh, "").status(), 200);
}

/// RFC 7009 §2.2.1.
#[test]
fn an_id_token_is_of_an_unsupported_type() {
    for dialect in DIALECTS {
        let mut people = realm(dialect, json!({}));
        let tokens = people.tokens("openid");
        let id_token = tokens.text("id_token");
        for caller in ["app", "other"] {
            let answer = people.revoke(caller, &id_token);
            assert_eq!(
                answer.error(),
                (400, "unsupported_token_type".into()),
                "{dialect}"
            );
            assert_eq!(answer.reason(), "not a token that can be revoked");
        }
        assert!(people.is_active(&tokens.text("access_token")), "{dialect}");
        // One that nobody issued is unknown, as any text is.
        let (signed, signature) = id_token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", signature.replace(&signature[..4], "AAAA"));
        assert_revoked(&people.revoke("app", &forged));
        // One of long ago is one still.
        people.later(700_000);
        let late = people.revoke("app", &id_token);
        assert_eq!(late.error(), (400, "unsupported_token_type".into()));
    }
}

/// RFC 7009 §2.2: "invalid tokens do not cause an error response".
#[test]
fn what_is_no_token_any_more_is_revoked_already_and_nothing_is_stored() {
    let mut people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid");
    let (access, code) = (
        tokens.text("access_token"),
        people.code("app", "", json!({})),
    );
    let used = people.tokens("openid").text("refresh_token");
    let elsewhere = Signed::access_token("app").claim("iss", "https://auth.example/realms/other");
    people.later(600);
    let not_ours = "invalid access token: not one of this realm";
    let unknown = "unknown code, ticket or token";
    let (acts, families) = (people.fixture.store.acts(), people.fixture.store.families());
    for (name, token, reason, asks_family) in [
        ("a word", "x".to_owned(), not_ours, false),
        ("a text that is not ASCII", "ä".to_owned(), not_ours, false),
        ("three parts", "a.b.c".to_owned(), not_ours, false),
        ("a code", code, not_ours, false),
        ("another realm's", elsewhere.text(), not_ours, false),
        (
            "another key's",
            Signed::access_token("app").signed_by(9).text(),
            not_ours,
            false,
        ),
        (
            "an expired one",
            access,
            "invalid access token: expired",
            false,
        ),
        ("112 characters", "A".repeat(112), unknown, false),
        (
            "one of no family",
            format!("AAAA{}", &used[4..]),
            unknown,
            false,
        ),
        (
            "with another proof",
            format!("{}AAAA", &used[..108]),
            unknown,
            true,
        ),
    ] {
        let before = people.fixture.store.acts();
        let answer = people.revoke("app", &token);
        assert_revoked(&answer);
        assert_eq!(answer.reason(), reason, "{name}");
        let asked = people.fixture.store.acts() - before;
        assert_eq!(asked, usize::from(asks_family), "{name}");
        assert_eq!(people.fixture.store.families(), families, "{name}");
    }
    assert_eq!(people.fixture.store.acts(), acts + 1);
    assert!(people.is_active(&used));
}

#[test]
fn a_token_can_be_revoked_twice() {
    let people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid");
    for member in ["access_token", "refresh_token"] {
        for _ in 0..3 {
            assert_revoked(&people.revoke("app", &tokens.text(member)));
            assert!(!people.is_active(&tokens.text(member)), "{member}");
        }
    }
    // One whose family has ended is no other client's either.
    assert_revoked(&people.revoke("other", &tokens.text("refresh_token")));
}

#[test]
fn an_access_token_stays_revoked_until_it_would_have_ended() {
    for ttl in [300, 400_000] {
        let mut people = realm("rfc9068", json!({ "access_token_ttl": ttl }));
        let token = people.machine();
        assert_revoked(&people.revoke("machine", &token));
        for (seconds, reason) in [
            (1, "revoked"),
            (ttl / 2 - 1, "revoked"),
            (ttl - ttl / 2 - 1, "revoked"),
            // Then its age is enough.
            (1, "expired"),
            (60, "expired"),
            (1, "expired"),
        ] {
            people.later(seconds);
            let told = people.introspect("machine", &token);
            assert_eq!(told.json(), inactive(), "{ttl}, {seconds}");
            let reason = format!("invalid access token: {reason}");
            assert_eq!(told.reason(), reason, "{ttl}, {seconds}");
        }
        assert_revoked(&people.revoke("machine", &token));
        assert!(people.is_active(&people.machine()));
    }
}

/// `jti` are random; what is remembered of one is nevertheless its realm's alone.
#[test]
fn a_revoked_name_is_one_of_its_realm() {
    let realm = |name: &str| json!({ "issuer": format!("https://auth.example/realms/{name}") });
    let realms = json!({ "default": realm("default"), "other": realm("other") });
    let fixture = Fixture::configured(realms, &secrets());
    for realm in ["default", "other"] {
        fixture.register_in(realm, "app", |_| ());
    }
    let send = |realm: &str, path: &str, form: &str| {
        fixture.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post(&format!("/realms/{realm}{path}"), form)
        })
    };
    let form = "grant_type=client_credentials";
    let [here, there] = ["default", "other"].map(|realm| {
        let answer = send(realm, "/token", form).json();
        answer["access_token"].as_str().unwrap().to_owned()
    });
    assert_eq!(claims_of(&here)["jti"], claims_of(&there)["jti"]);
    assert_revoked(&send("default", "/revoke", &format!("token={here}")));
    let is_active = |realm: &str, token: &str| {
        let answer = send(realm, "/introspect", &format!("token={token}"));
        answer.json()["active"] == true
    };
    assert!(!is_active("default", &here) && is_active("other", &there));
}

#[test]
fn a_token_that_was_exchanged_for_another_ends_alone() {
    let people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid+read");
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let exchanged = people.exchange(&access).text("access_token");
    assert_revoked(&people.revoke("api", &exchanged));
    assert!(!people.is_active(&exchanged) && people.is_active(&access));
    let exchanged = people.exchange(&access).text("access_token");
    assert_revoked(&people.revoke("app", &access));
    assert!(people.is_active(&exchanged));
    assert_revoked(&people.revoke("app", &refresh));
    assert!(!people.is_active(&exchanged));
}

#[test]
fn whoever_may_do_nothing_else_may_revoke() {
    let people = realm("rfc9068", json!({}));
    let token = people.machine();
    people.register("machine", |client| {
        client.grant_types.clear();
        client.scope = ScopeSet::default();
        client.dpop_bound_access_tokens = true;
    });
    // Not even an operator's broken record is in the way.
    people.not_before("{");
    assert_revoked(&people.revoke("machine", &token));
    people.not_before(json!({ "version": 1 }));
    assert!(!people.is_active(&token));
}

#[test]
fn a_token_for_the_holder_of_a_key_is_revoked_without_it() {
    let people = realm("rfc9068", json!({}));
    let answer = people.send(&Request {
        authorization: Some(&basic("machine", SECRET)),
        dpop: Some(&people.proof("p1")),
        ..post("/token", "grant_type=client_credentials")
    });
    let token = answer.text("access_token");
    assert!(claims_of(&token)["cnf"].is_object());
    assert_revoked(&people.revoke("machine", &token));
    assert!(!people.is_active(&token));
}

#[test]
fn scripts_of_allowed_origins_revoke_and_introspect() {
    let origin = "https://app.example";
    let people = realm("rfc9068", json!({ "allowed_origins": [origin] }));
    let allowed = Some(origin);
    for path in ["/revoke", "/introspect"] {
        let preflight = people.send(&Request {
            method: "OPTIONS",
            origin: Some(origin),
            ..post(path, "")
        });
        assert_eq!(preflight.status(), 204, "{path}");
        let header = |answer: &Answer| {
            let value = answer.header("access-control-allow-origin");
            value.map(str::to_owned)
        };
        assert_eq!(header(&preflight).as_deref(), allowed, "{path}");
        for (client_id, body) in [
            ("spa", "token=x&client_id=spa"),
            ("nobody", "token=x&client_id=x"),
        ] {
            let request = Request {
                origin: Some(origin),
                ..post(path, body)
            };
            let answer = people.send(&request);
            assert_eq!(header(&answer).as_deref(), allowed, "{path} {client_id}");
            let elsewhere = people.send(&Request {
                origin: Some("https://evil.example"),
                ..request
            });
            assert_eq!(header(&elsewhere), None, "{path} {client_id}");
        }
        let allow = people.send(&Request {
            method: "GET",
            ..post(path, "")
        });
        assert_eq!(allow.header("allow"), Some("POST, OPTIONS"), "{path}");
    }
}

#[test]
fn the_log_tells_what_was_revoked() {
    let people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid");
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let (jti, family) = (&claims_of(&access)["jti"], &claims_of(&access)["sid"]);
    let line = json!({
        "version": 1, "time": NOW, "level": "info", "endpoint": "revocation", "status": 200,
        "outcome": "revoked", "realm": "default", "client_id": "app",
        "auth_method": "client_secret_basic", "secret_id": "s1",
    });
    for (token, member, value) in [
        (access.as_str(), "jti", jti.clone()),
        (&access, "jti", jti.clone()),
        (&refresh, "family", family.clone()),
        (&refresh, "reason", json!("unknown code, ticket or token")),
        (
            "x",
            "reason",
            json!("invalid access token: not one of this realm"),
        ),
    ] {
        let mut expected = line.clone();
        expected[member] = value;
        assert_eq!(people.revoke("app", token).log(), expected);
    }
}
