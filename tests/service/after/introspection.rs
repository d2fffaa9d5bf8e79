//! RFC 7662 §2.2: what active tokens are told to be, and to whom.

use super::super::certificates::{GOOD, THUMBPRINT};
use super::*;

/// A person, with a claim for each dialect.
fn ann() -> Value {
    json!({
        "sub": "1302",
        "claims": {
            "preferred_username": "ann", "name": "Ann", "user_type": "admin", "roles": "r",
            "userID": 1302, "userRegion": "SG", "scopes": ["user"], "email": "a@example.com",
        },
    })
}

fn assert_introspected(answer: &Answer, by: &str, expected: &Value) {
    assert_eq!(answer.status(), 200, "{}", answer.reason());
    assert_eq!(answer.json(), *expected);
    let headers = [
        ("content-type", "application/json".into()),
        ("cache-control", "no-store".into()),
        ("pragma", "no-cache".into()),
        ("strict-transport-security", "max-age=31536000".into()),
    ];
    assert_eq!(answer.response.headers, headers);
    let log = answer.log();
    assert_eq!(
        (&log["outcome"], &log["client_id"], &log["endpoint"]),
        (&json!("introspected"), &json!(by), &json!("introspection"))
    );
    assert_eq!(log.get("reason"), None);
}

#[test]
fn an_access_token_of_a_person_is_told_in_the_words_of_rfc7662_2_2() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({ "iss": "urn:iss" }));
        let code = people.code("app", "&scope=openid+profile", ann());
        let token = people.redeem(&code, "").text("access_token");
        let claims = claims_of(&token);
        let (jti, sid) = (&claims["jti"], &claims["sid"]);
        assert!(jti.is_string() && sid.is_string(), "{claims}");
        let ttl = claims["exp"].as_u64().unwrap() - NOW;
        let mut expected = json!({
            "active": true, "iss": "urn:iss", "aud": API, "sub": "1302", "client_id": "app",
            "scope": "openid profile", "token_type": "Bearer", "jti": jti, "sid": sid,
            "iat": NOW, "exp": NOW + ttl,
        });
        let (own, lifetime) = match dialect {
            "rfc9068" => (json!({}), 300),
            "keycloak" => (
                json!({
                    "typ": "Bearer", "azp": "app", "session_state": sid, "acr": "1", "name": "Ann",
                    "preferred_username": "ann", "username": "ann",
                }),
                300,
            ),
            "screening-eagle" => (
                json!({
                    "scp": "openid profile", "scopes": ["user"], "userID": 1302, "userRegion": "SG",
                }),
                604_800,
            ),
            _ => (
                json!({
                    "version": "1.0", "user_id": "1302", "user_type": "admin", "roles": "r",
                    "nbf": NOW - 120,
                }),
                600,
            ),
        };
        assert_eq!(ttl, lifetime, "{dialect}");
        let own = own.as_object().unwrap().clone();
        expected.as_object_mut().unwrap().extend(own);
        for caller in ["app", "api", "inspector"] {
            let answer = people.introspect(caller, &token);
            assert_introspected(&answer, caller, &expected);
            assert_eq!(answer.log()["jti"], *jti);
        }
    }
}

#[test]
fn an_access_token_of_a_client_for_itself_is_told_too() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        let token = people.machine();
        let claims = claims_of(&token);
        let mut expected = json!({
            "active": true, "iss": ISSUER, "aud": API, "sub": "machine", "client_id": "machine",
            "scope": "read", "token_type": "Bearer", "jti": claims["jti"], "iat": NOW,
            "exp": claims["exp"],
        });
        let own = match dialect {
            "rfc9068" => json!({}),
            "keycloak" => json!({
                "typ": "Bearer", "azp": "machine", "acr": "1", "email_verified": false,
                "clientId": "machine", "preferred_username": "service-account-machine",
                "username": "service-account-machine",
            }),
            "screening-eagle" => json!({ "scp": "read" }),
            _ => json!({ "version": "1.0", "nbf": NOW - 120 }),
        };
        let own = own.as_object().unwrap().clone();
        expected.as_object_mut().unwrap().extend(own);
        for caller in ["machine", "api", "inspector"] {
            assert_introspected(&people.introspect(caller, &token), caller, &expected);
        }
    }
}

#[test]
fn without_any_scope_none_is_told() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        people.register("machine", |client| {
            client.grant_types = vec!["client_credentials".into()];
            client.scope = ScopeSet::default();
        });
        let answer = people.token("machine", "grant_type=client_credentials");
        let told = people.introspect("machine", &answer.text("access_token"));
        assert_eq!(told.json()["active"], true, "{dialect}");
        // RFC 7662 §2.2: "a JSON string containing a space-separated list of scopes".
        assert_eq!(told.json().get("scope"), None, "{dialect}");
    }
    let people = realm("rfc9068", json!({}));
    people.register("app", |client| {
        client.default_scope = Some(ScopeSet::default())
    });
    let code = people.code("app", "", json!({}));
    let told = people.introspect("app", &people.redeem(&code, "").text("refresh_token"));
    let (active, scope) = (&told.json()["active"], told.json().get("scope").cloned());
    assert_eq!((active, scope), (&json!(true), None));
}

#[test]
fn static_claims_of_a_record_never_tell_what_is_ours_to_tell() {
    let people = realm("rfc9068", json!({}));
    let claims = json!({
        "active": false, "token_type": "x", "username": "operator's", "region": "SG",
    });
    people.register("machine", |client| {
        client.grant_types = vec!["client_credentials".into()];
        client.claims = claims.as_object().unwrap().clone();
    });
    let told = people.introspect("machine", &people.machine()).json();
    assert_eq!(
        (&told["active"], &told["token_type"]),
        (&json!(true), &json!("Bearer"))
    );
    assert_eq!(
        (&told["region"], &told["username"]),
        (&json!("SG"), &json!("operator's"))
    );
}

#[test]
fn only_whom_a_token_concerns_is_told() {
    let people = realm("rfc9068", json!({}));
    people.register("several", |client| {
        client.resources = vec!["urn:x".into(), "urn:next".into()];
    });
    people.register("empty", |client| client.resources = vec![String::new()]);
    people.register("near", |client| {
        client.resources = vec!["urn:ap".into(), "urn:api/".into(), "URN:API".into()];
    });
    // Whom its own tokens are for does not say what it answers for.
    people.register("same-audience", |client| {
        client.audience = vec![API.to_owned()]
    });
    let tokens = people.tokens("openid");
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let exchanged = people.exchange(&access);
    assert_eq!(exchanged.claims()["aud"], API);
    let form = format!(
        "grant_type={EXCHANGE}&subject_token={access}&subject_token_type={ACCESS_TOKEN_TYPE}"
    );
    people.register("api", |client| {
        client.grant_types = vec![EXCHANGE.to_owned()];
        client.resources = vec![API.to_owned()];
        client.exchange_audience = vec!["urn:next".to_owned(), API.to_owned()];
    });
    let further = people.token("api", &format!("{form}&audience=urn:next&audience={API}"));
    assert_eq!(further.claims()["aud"], json!(["urn:next", API]));
    let further = further.text("access_token");
    let exchanged = exchanged.text("access_token");
    for (caller, tells) in [
        ("app", [true, true, false, false]),
        ("api", [true, false, true, true]),
        ("inspector", [true, true, true, true]),
        ("several", [false, false, false, true]),
        ("other", [false; 4]),
        ("machine", [false; 4]),
        ("empty", [false; 4]),
        ("near", [false; 4]),
        ("same-audience", [false; 4]),
        ("login", [false; 4]),
    ] {
        for (token, tells) in [&access, &refresh, &exchanged, &further].iter().zip(tells) {
            let answer = people.introspect(caller, token);
            assert_eq!(answer.json()["active"], tells, "{caller}");
            assert_eq!(answer.json() == inactive(), !tells, "{caller}");
        }
    }
}

#[test]
fn a_refresh_token_is_told_to_its_client() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({ "iss": "urn:iss" }));
        let code = people.code("app", "&scope=openid+read", ann());
        let refresh = people.redeem(&code, "").text("refresh_token");
        let expected = json!({
            "active": true, "iss": "urn:iss", "client_id": "app", "sub": "1302",
            "scope": "openid read", "exp": NOW + 1800,
        });
        for caller in ["app", "inspector"] {
            let answer = people.introspect(caller, &refresh);
            assert_introspected(&answer, caller, &expected);
            assert!(answer.log()["family"].is_string());
        }
        for caller in ["api", "other"] {
            let answer = people.introspect(caller, &refresh);
            assert_eq!(answer.json(), inactive(), "{dialect}, {caller}");
            assert_eq!(answer.reason(), "another client's grant");
        }
    }
}

#[test]
fn a_refresh_token_of_a_client_for_itself_is_about_the_client() {
    let people = realm("keycloak", json!({}));
    people.register("machine", |client| {
        client.grant_types = vec!["client_credentials".into(), "refresh_token".into()];
        client.subject = Some("4711".to_owned());
    });
    let form = "grant_type=client_credentials&scope=offline_access";
    let refresh = people.token("machine", form).text("refresh_token");
    let expected = json!({
        "active": true, "iss": ISSUER, "client_id": "machine", "sub": "4711",
        "scope": "offline_access", "exp": NOW + 30 * 24 * 60 * 60,
    });
    let answer = people.introspect("machine", &refresh);
    assert_introspected(&answer, "machine", &expected);
}

#[test]
fn a_used_refresh_token_is_active_as_long_as_it_may_be_tried_again() {
    let mut people = realm("rfc9068", json!({}));
    let first = people.tokens("openid").text("refresh_token");
    people.later(5);
    let second = people.refresh(&first, "").text("refresh_token");
    for (seconds, is_active) in [(0, true), (9, true), (1, false)] {
        people.later(seconds);
        assert_eq!(people.is_active(&first), is_active, "{seconds}");
        let told = people.introspect("app", &second).json();
        assert_eq!(told["exp"], NOW + 5 + 1800, "{seconds}");
    }
    // To ask was no use: the good one is good still, and once it is used the first is not told.
    let third = people.refresh(&second, "").text("refresh_token");
    assert!(!people.is_active(&first));
    assert!(people.is_active(&second) && people.is_active(&third));
    assert_eq!(people.refresh(&third, "").status(), 200);
    assert!(!people.is_active(&second));
}

#[test]
fn introspecting_changes_nothing_that_is_stored() {
    let people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid");
    let families = people.fixture.store.families();
    for _ in 0..20 {
        assert!(people.is_active(&tokens.text("refresh_token")));
        assert!(people.is_active(&tokens.text("access_token")));
    }
    assert_eq!(people.fixture.store.families(), families);
    let next = people.refresh(&tokens.text("refresh_token"), "");
    assert_eq!(next.status(), 200);
    assert_eq!(people.userinfo(&next.text("access_token")).status(), 200);
}

#[test]
fn a_token_for_the_holder_of_a_key_is_told_as_such_without_any_proof() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        let answer = people.send(&Request {
            authorization: Some(&basic("machine", SECRET)),
            dpop: Some(&people.proof("p1")),
            ..post("/token", "grant_type=client_credentials")
        });
        assert_eq!(answer.text("token_type"), "DPoP", "{dialect}");
        let told = people.introspect("api", &answer.text("access_token"));
        assert_eq!(told.json()["active"], true, "{dialect}");
        assert_eq!(told.json()["token_type"], "DPoP", "{dialect}");
        assert_eq!(told.json()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
        // Whoever only asks about tokens hears nothing of nonces.
        assert_eq!(told.header("dpop-nonce"), None);
    }
}

#[test]
fn a_token_for_the_holder_of_a_certificate_is_told_as_such() {
    let people = realm("rfc9068", json!({}));
    people.register("machine", |client| {
        client.grant_types = vec!["client_credentials".into()];
        client.tls_client_certificate_bound_access_tokens = true;
    });
    let answer = people.send(&Request {
        authorization: Some(&basic("machine", SECRET)),
        connection: Some(&GOOD),
        ..post("/token", "grant_type=client_credentials")
    });
    let told = people.introspect("machine", &answer.text("access_token"));
    assert_eq!(told.json()["token_type"], "Bearer");
    assert_eq!(told.json()["cnf"], json!({ "x5t#S256": THUMBPRINT }));
}

#[test]
fn a_refresh_token_for_the_holder_of_a_key_tells_which() {
    let people = realm("rfc9068", json!({}));
    let code = people.code("spa", &format!("&scope=read{PKCE}"), json!({}));
    let form = format!(
        "grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={}&code_verifier={VERIFIER}",
        encoded(CALLBACK)
    );
    let tokens = people.send(&Request {
        dpop: Some(&people.proof("p1")),
        ..post("/token", &form)
    });
    let told = people.introspect("inspector", &tokens.text("refresh_token"));
    assert_eq!(
        told.json(),
        json!({
            "active": true, "iss": ISSUER, "client_id": "spa", "sub": "1302", "scope": "read",
            "exp": NOW + 1800, "cnf": { "jkt": kid(CLIENT_KEY) },
        })
    );
}

#[test]
fn an_exchanged_token_tells_who_acts() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        let tokens = people.tokens("openid+read");
        let sid = claims_of(&tokens.text("access_token"))["sid"].clone();
        let exchanged = people.exchange(&tokens.text("access_token"));
        assert_eq!(exchanged.status(), 200, "{}", exchanged.reason());
        let token = exchanged.text("access_token");
        let told = people.introspect("api", &token).json();
        for (member, value) in [
            ("active", json!(true)),
            ("sub", json!("1302")),
            ("client_id", json!("api")),
            ("act", json!({ "sub": "api" })),
            ("sid", sid),
            ("scope", json!("openid read")),
            ("aud", json!(API)),
        ] {
            assert_eq!(told[member], value, "{dialect}: {member}");
        }
        // By another that acts in turn (RFC 8693 §4.1).
        people.register("next", |client| {
            client.grant_types = vec![EXCHANGE.to_owned()];
            client.audience = vec![API.to_owned()];
            client.resources = vec![API.to_owned()];
        });
        let form = format!(
            "grant_type={EXCHANGE}&subject_token={token}&subject_token_type={ACCESS_TOKEN_TYPE}"
        );
        let again = people.token("next", &form).text("access_token");
        let told = people.introspect("next", &again).json();
        let chain = json!({ "sub": "next", "act": { "sub": "api" } });
        assert_eq!(told["act"], chain, "{dialect}");
        // All of them belong to the person's family.
        assert_eq!(
            people.revoke("app", &tokens.text("refresh_token")).status(),
            200
        );
        for token in [&token, &again] {
            assert!(!people.is_active(token), "{dialect}");
        }
    }
}

#[test]
fn both_paths_of_keycloak_answer() {
    let mut people = realm("keycloak", json!({}));
    let token = people.machine();
    people.place = |path| format!("/auth{}", keycloak(path));
    assert_eq!(people.introspect("machine", &token).json()["active"], true);
    assert_eq!(people.revoke("machine", &token).status(), 200);
    assert_eq!(people.introspect("machine", &token).json(), inactive());
}
