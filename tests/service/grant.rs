//! RFC 6749 §4.4 and §3.3, RFC 8707, RFC 9068: what is granted, and what the token says.

use serde_json::Map;

use super::*;

#[test]
fn the_token_is_an_rfc_9068_access_token() {
    let (header, claims) = Fixture::new().token("").access_token();
    let kid = key(1, 0, 1).kid().as_str().to_owned();
    assert_eq!(
        header,
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid })
    );
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER,
            "sub": "app",
            "aud": ISSUER,
            "iat": NOW,
            "exp": NOW + 300,
            "jti": "WlpaWlpaWlpaWlpaWlpaWg",
            "client_id": "app",
            "scope": "read write",
        })
    );
}

#[test]
fn the_log_tells_what_was_issued() {
    let log = Fixture::new().token("&scope=write").log();
    let kid = key(1, 0, 1).kid().as_str().to_owned();
    assert_eq!(
        log,
        json!({
            "version": 1,
            "time": NOW,
            "level": "info",
            "endpoint": "token",
            "status": 200,
            "outcome": "issued",
            "realm": "default",
            "client_id": "app",
            "auth_method": "client_secret_basic", "secret_id": "s1",
            "grant_type": "client_credentials",
            "scope": "write",
            "kid": kid,
            "jti": "WlpaWlpaWlpaWlpaWlpaWg",
        })
    );
}

#[test]
fn scope_is_what_is_asked_for_within_the_clients_else_its_default() {
    let fixture = Fixture::new();
    fixture.register("app", |client| {
        client.scope = ScopeSet::parse("read write admin").unwrap();
        client.default_scope = Some(ScopeSet::parse("write read").unwrap());
    });
    for (form, scope) in [
        ("", "write read"),
        ("&scope=", "write read"),
        ("&scope=read", "read"),
        ("&scope=admin+read", "admin read"),
        ("&scope=read%20read%20write", "read write"),
    ] {
        let answer = fixture.token(form);
        assert_eq!(answer.json()["scope"], scope, "{form}");
        assert_eq!(answer.claims()["scope"], scope, "{form}");
    }
    let many = (0..300)
        .map(|i| format!("s{i}"))
        .collect::<Vec<_>>()
        .join("+");
    for scope in [
        "delete",
        "read+delete",
        "Read",
        "+read",
        "read+",
        "read++write",
        "read%09write",
        "%22",
        "%C3%A4",
        &many,
    ] {
        let answer = fixture.token(&format!("&scope={scope}"));
        assert_eq!(answer.error(), (400, "invalid_scope".into()), "{scope}");
    }
}

#[test]
fn a_client_without_default_scope_gets_all_and_one_without_scope_gets_none() {
    let fixture = Fixture::new();
    assert_eq!(fixture.token("").json()["scope"], "read write");
    fixture.register("app", |client| client.scope = ScopeSet::default());
    let answer = fixture.token("");
    assert_eq!(answer.json().get("scope"), None);
    assert_eq!(answer.claims().get("scope"), None);
    assert_eq!(fixture.token("&scope=read").error().1, "invalid_scope");
}

#[test]
fn no_scope_is_granted_that_does_not_exist_in_the_realm() {
    let realms = json!({ "default": { "issuer": ISSUER, "scopes": "read list" } });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |_| ());
    assert_eq!(fixture.token("").json()["scope"], "read");
    assert_eq!(fixture.token("&scope=read").json()["scope"], "read");
    assert_eq!(fixture.token("&scope=write").error().1, "invalid_scope");
    assert_eq!(fixture.token("&scope=list").error().1, "invalid_scope");
}

#[test]
fn audience_is_what_is_asked_for_within_the_clients_else_the_realms_else_the_issuer() {
    const A: &str = "https://a.example/";
    const B: &str = "urn:b";
    let realm = |audience: Value| {
        let realms = json!({ "default": { "issuer": ISSUER, "audience": audience } });
        Fixture::configured(realms, &secrets())
    };
    let client = |fixture: Fixture, audience: &[&str]| {
        let audience = audience.iter().map(|text| (*text).to_owned()).collect();
        fixture.register("app", |client| client.audience = audience);
        fixture
    };
    let (a, b) = ("https%3A%2F%2Fa.example%2F", "urn:b");
    for (realm_audience, client_audience, form, expected) in [
        (json!([]), vec![], String::new(), Some(json!(ISSUER))),
        (json!([A]), vec![], String::new(), Some(json!(A))),
        (json!([A]), vec![B], String::new(), Some(json!(B))),
        (json!([]), vec![A, B], String::new(), Some(json!([A, B]))),
        (
            json!([]),
            vec![A, B],
            format!("&resource={b}"),
            Some(json!(B)),
        ),
        (
            json!([]),
            vec![A, B],
            format!("&audience={a}"),
            Some(json!(A)),
        ),
        (
            json!([]),
            vec![A, B],
            format!("&resource={b}&audience={a}"),
            Some(json!([B, A])),
        ),
        (
            json!([]),
            vec![A, B],
            format!("&resource={b}&resource={a}"),
            Some(json!([B, A])),
        ),
        (
            json!([]),
            vec![A, B],
            format!("&resource={b}&audience={b}"),
            Some(json!(B)),
        ),
        (json!([A]), vec![], format!("&resource={a}"), Some(json!(A))),
        (
            json!([]),
            vec![],
            format!("&resource={ISSUER}"),
            Some(json!(ISSUER)),
        ),
        (json!([A]), vec![B], format!("&resource={a}"), None),
        (json!([]), vec![A], format!("&resource={ISSUER}"), None),
        (
            json!([]),
            vec![A, B],
            "&resource=https://a.example".into(),
            None,
        ),
        (
            json!([]),
            vec![A, B],
            format!("&resource={a}&resource=x"),
            None,
        ),
        (json!([]), vec![A, B], format!("&audience={a}%23x"), None),
    ] {
        let fixture = client(realm(realm_audience), &client_audience);
        let answer = fixture.token(&form);
        match expected {
            Some(expected) => assert_eq!(answer.claims()["aud"], expected, "{form}"),
            None => assert_eq!(answer.error(), (400, "invalid_target".into()), "{form}"),
        }
    }
}

#[test]
fn lifetime_is_the_clients_else_the_realms_else_the_dialects() {
    for (realm_ttl, client_ttl, expected) in [
        (None, None, 300),
        (Some(600), None, 600),
        (Some(600), Some(60), 60),
        (None, Some(86_400), 86_400),
    ] {
        let realms = json!({ "default": { "issuer": ISSUER, "access_token_ttl": realm_ttl } });
        let fixture = Fixture::configured(realms, &secrets());
        fixture.register("app", |client| {
            client.access_token_ttl = client_ttl.map(edge_token::time::Seconds);
        });
        let answer = fixture.token("");
        assert_eq!(answer.json()["expires_in"], expected);
        assert_eq!(answer.claims()["exp"], NOW + expected);
    }
}

#[test]
fn a_grant_that_is_not_registered_is_refused() {
    let fixture = Fixture::new();
    for grant_types in [vec![], vec!["authorization_code".to_owned()]] {
        fixture.register("app", |client| client.grant_types = grant_types);
        assert_eq!(
            fixture.token("").error(),
            (400, "unauthorized_client".into())
        );
    }
}

#[test]
fn the_subject_and_static_claims_are_the_records() {
    let fixture = Fixture::new();
    fixture.register("app", |client| {
        client.subject = Some("1302".into());
        client.claims = Map::from_iter([
            ("region".into(), json!("SG")),
            ("roles".into(), json!(["a", 1])),
        ]);
    });
    let claims = fixture.token("").claims();
    assert_eq!(claims["sub"], "1302");
    assert_eq!(claims["client_id"], "app");
    assert_eq!(claims["region"], "SG");
    assert_eq!(claims["roles"], json!(["a", 1]));
}

#[test]
fn without_random_octets_no_token_is_issued() {
    let authorization = basic("app", SECRET);
    let request = Request {
        authorization: Some(&authorization),
        ..post("/token", "grant_type=client_credentials")
    };
    let failing = |_: &mut [u8]| Err(getrandom::Error::UNSUPPORTED);
    let answer = Fixture::new().send_with("auth.example", &request, &failing);
    assert_eq!(answer.error(), (500, "server_error".into()));
    assert_eq!(answer.log()["outcome"], "failed");
}
