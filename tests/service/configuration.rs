//! Configuration that is wrong: 503, the reason in the log, nothing issued, other realms go on.

use super::*;

/// Asserts that `default` is not served, and that the log says `reason`.
fn assert_not_served(fixture: &Fixture, reason: &str) {
    fixture.register("app", |_| ());
    let answers = [
        fixture.token(""),
        fixture.get("/.well-known/jwks.json"),
        fixture.get("/realms/default/.well-known/openid-configuration"),
        fixture.get("/health"),
    ];
    for answer in answers {
        assert_eq!(
            answer.error(),
            (503, "temporarily_unavailable".into()),
            "{reason}"
        );
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.log()["outcome"], "failed");
        assert!(
            answer.reason().contains(reason),
            "{} does not say {reason}",
            answer.reason()
        );
        assert!(
            !answer.response.body.contains("default"),
            "{}",
            answer.response.body
        );
    }
}

#[test]
fn a_realm_that_is_configured_wrongly_is_not_served() {
    for (realm, reason) in [
        (json!({}), "realm `default`: member `issuer` is missing"),
        (json!("x"), "realm `default`: must be a table"),
        (json!({ "issuer": 1 }), "member `issuer` must be a text"),
        (
            json!({ "issuer": "auth.example" }),
            "member `issuer` must be https",
        ),
        (
            json!({ "issuer": "http://auth.example/realms/default" }),
            "https, or http on loopback",
        ),
        (
            json!({ "issuer": "https://auth.example/realms/x" }),
            "would be at /realms/x/.well-known",
        ),
        (
            json!({ "issuer": ISSUER, "dialect": "esperanto" }),
            "`esperanto` is unknown",
        ),
        (
            json!({ "issuer": ISSUER, "acess_token_ttl": 1 }),
            "member `acess_token_ttl` is unknown",
        ),
        (
            json!({ "issuer": ISSUER, "access_token_ttl": 0 }),
            "member `access_token_ttl` must be",
        ),
        (
            json!({ "issuer": ISSUER, "access_token_ttl": "60" }),
            "member `access_token_ttl` must",
        ),
        (
            json!({ "issuer": ISSUER, "access_token_ttl": 2_592_001 }),
            "`access_token_ttl` must",
        ),
        (
            json!({ "issuer": ISSUER, "scopes": ["read"] }),
            "member `scopes` must be",
        ),
        (
            json!({ "issuer": ISSUER, "scopes": "a  b" }),
            "member `scopes` must be",
        ),
        (
            json!({ "issuer": ISSUER, "audience": "a" }),
            "member `audience` must be",
        ),
        (
            json!({ "issuer": ISSUER, "hosts": "a" }),
            "member `hosts` must be",
        ),
        (
            json!({ "issuer": ISSUER, "paths": "a" }),
            "member `paths` must be",
        ),
        (
            json!({ "issuer": ISSUER, "paths": { "tokens": "/a" } }),
            "member `tokens` is unknown",
        ),
        (
            json!({ "issuer": ISSUER, "paths": { "realm": "a" } }),
            "member `realm` must be a path",
        ),
        (
            json!({ "issuer": ISSUER, "claims": { "sub": "a" } }),
            "the reserved claim `sub`",
        ),
        (
            json!({ "issuer": ISSUER, "session_state": 1 }),
            "member `session_state` must be",
        ),
    ] {
        assert_not_served(
            &Fixture::configured(json!({ "default": realm }), &secrets()),
            reason,
        );
    }
}

#[test]
fn variables_that_cannot_be_read_serve_nothing() {
    for (variables, reason) in [
        (vec![], "no realm is configured"),
        (vec![("REALMS", "{}")], "no realm is configured"),
        (vec![("REALMS", "")], "variable REALMS: not a JSON object"),
        (vec![("REALMS", "[]")], "variable REALMS: not a JSON object"),
        (
            vec![("REALMS_2", "{")],
            "variable REALMS_2: not a JSON object",
        ),
        (vec![("REALMS", r#"{"a/b":{}}"#)], "`a/b` is no realm name"),
    ] {
        let variables = variables
            .into_iter()
            .map(|(name, text)| (name, text.to_owned()));
        let fixture = Fixture::with_variables(&variables.collect::<Vec<_>>(), &secrets());
        assert_not_served(&fixture, reason);
    }
}

#[test]
fn secrets_that_hold_no_usable_key_serve_nothing() {
    let good = jwk_set(&[&key(1, NOW - 9, NOW + 9_999)]);
    let early = jwk_set(&[&key(1, NOW + 1, NOW + 9_999)]);
    let ending = jwk_set(&[&key(1, NOW - 9, NOW + 299)]);
    for (signing_keys, next, reason) in [
        (None, None, "no signing keys: upload secret SIGNING_KEYS"),
        (Some("x"), None, "secret SIGNING_KEYS: not a JSON object"),
        (
            Some("{\"keys\":{}}"),
            None,
            "secret SIGNING_KEYS: member `keys` must be",
        ),
        (
            Some(&*good),
            Some("x"),
            "secret SIGNING_KEYS_NEXT: not a JSON object",
        ),
        (
            Some(&good.replace("\"d\"", "\"e\"")),
            None,
            "SIGNING_KEYS: key 1: member `d` is missing",
        ),
        (
            Some(&good.replace("P-256", "P-384")),
            None,
            "key 1: member `crv` must be \"P-256\"",
        ),
    ] {
        let mut secrets = HashMap::new();
        for (name, value) in [("SIGNING_KEYS", signing_keys), ("SIGNING_KEYS_NEXT", next)] {
            if let Some(value) = value {
                secrets.insert(name, value.to_owned());
            }
        }
        let fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets);
        assert_not_served(&fixture, reason);
    }
    for (signing_keys, name) in [
        (&early, "early"),
        (&ending, "ending"),
        (&"{\"keys\":[]}".into(), "none"),
    ] {
        let secrets = HashMap::from([("SIGNING_KEYS", signing_keys.clone())]);
        let fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets);
        fixture.register("app", |_| ());
        assert_eq!(
            fixture.token("").error(),
            (503, "temporarily_unavailable".into()),
            "{name}"
        );
        assert!(
            fixture
                .token("")
                .reason()
                .contains("no key that signs for 300 s"),
            "{name}"
        );
        assert_eq!(fixture.get("/health").status(), 503, "{name}");
    }
}

#[test]
fn one_slot_is_enough_whichever_it_is() {
    let good = jwk_set(&[&key(1, NOW - 9, NOW + 9_999)]);
    for slot in ["SIGNING_KEYS", "SIGNING_KEYS_NEXT"] {
        let secrets = HashMap::from([(slot, good.clone())]);
        let fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets);
        fixture.register("app", |_| ());
        assert_eq!(fixture.token("").status(), 200, "{slot}");
    }
}

#[test]
fn the_newest_key_signs_when_its_time_has_come() {
    let (old, new) = (key(2, NOW - 9, NOW + 9_999), key(1, NOW + 100, NOW + 9_999));
    let secrets = HashMap::from([
        ("SIGNING_KEYS", jwk_set(&[&old])),
        ("SIGNING_KEYS_NEXT", jwk_set(&[&new])),
    ]);
    let mut fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets);
    fixture.register("app", |_| ());
    for (now, key) in [(NOW, &old), (NOW + 99, &old), (NOW + 100, &new)] {
        fixture.now = UnixTime::from_seconds(now);
        assert_eq!(
            fixture.token("").log()["kid"],
            key.kid().as_str(),
            "at {now}"
        );
    }
}

#[test]
fn a_realm_may_have_keys_of_its_own() {
    let mut secrets = secrets();
    secrets.insert("OTHER_KEYS", jwk_set(&[&key(2, NOW - 9, NOW + 9_999)]));
    let other = |signing_keys: Value| {
        json!({
            "default": { "issuer": ISSUER },
            "other": {
                "issuer": "https://auth.example/realms/other",
                "signing_keys": signing_keys,
            },
        })
    };
    let fixture = Fixture::configured(other(json!(["OTHER_KEYS"])), &secrets);
    let kid = |path| fixture.get(path).json()["keys"][0]["kid"].clone();
    assert_eq!(kid("/realms/default/jwks"), key(1, 0, 1).kid().as_str());
    assert_eq!(kid("/realms/other/jwks"), key(2, 0, 1).kid().as_str());

    let fixture = Fixture::configured(other(json!(["NO_SUCH_KEYS"])), &secrets);
    assert_eq!(fixture.get("/realms/default/jwks").status(), 200);
    assert_eq!(fixture.get("/realms/other/jwks").status(), 503);
    assert!(
        fixture
            .get("/realms/other/jwks")
            .reason()
            .contains("upload secret NO_SUCH_KEYS")
    );
}

#[test]
fn a_broken_realm_leaves_the_others_alone() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "broken": { "issuer": "nonsense" },
    });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |_| ());
    assert_eq!(fixture.token("").status(), 200);
    assert_eq!(fixture.get("/realms/broken/jwks").status(), 503);
    assert_eq!(fixture.get("/realms/unknown/jwks").status(), 404);
    assert_eq!(fixture.get("/health").status(), 503);
    assert!(fixture.get("/health").reason().contains("realm `broken`"));
}

#[test]
fn a_realm_of_an_unknown_dialect_is_not_served_wherever_it_may_be_meant() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "dx": { "dialect": "keycloack", "issuer": "https://auth.example/realms/dx" },
    });
    let fixture = Fixture::configured(realms, &secrets());
    for path in [
        "/realms/dx/token",
        "/realms/dx/protocol/openid-connect/token",
        "/auth/realms/dx/protocol/openid-connect/certs",
        "/realms/dx/.well-known/openid-configuration",
        "/realms/dx",
    ] {
        let answer = fixture.get(path);
        assert_eq!(answer.status(), 503, "{path}");
        assert!(
            answer
                .reason()
                .contains("realm `dx`: member `dialect`: `keycloack` is unknown")
        );
    }
    assert_eq!(fixture.get("/.well-known/jwks.json").status(), 200);
    assert_eq!(fixture.get("/oauth2/token").status(), 404);
}

#[test]
fn a_realm_of_an_unknown_dialect_claims_no_path_that_another_may_have() {
    let realms = json!({
        "default": { "dialect": "esperanto", "issuer": ISSUER },
        "light": {
            "dialect": "light-oauth2",
            "issuer": "https://auth.example/realms/light",
            "iss": "light",
        },
    });
    let fixture = Fixture::configured(realms, &secrets());
    for (path, status) in [
        ("/token", 503),
        ("/realms/default/jwks", 503),
        ("/oauth2/token", 405),
    ] {
        assert_eq!(fixture.get(path).status(), status, "{path}");
    }
}

#[test]
fn variables_are_merged_and_a_realm_in_two_is_served_by_neither() {
    let realm = |name: &str| {
        let issuer = format!("https://auth.example/realms/{name}");
        json!({ name: { "issuer": issuer } }).to_string()
    };
    let variables = [
        ("REALMS", realm("a")),
        ("REALMS_2", realm("b")),
        ("REALMS_3", realm("a")),
    ];
    let fixture = Fixture::with_variables(&variables, &secrets());
    assert_eq!(fixture.get("/realms/b/jwks").status(), 200);
    let answer = fixture.get("/realms/a/jwks");
    assert_eq!(answer.status(), 503);
    assert!(
        answer.reason().contains("realm `a`: is configured twice"),
        "{}",
        answer.reason()
    );
}

#[test]
fn clients_of_one_realm_are_strangers_in_another() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "other": { "issuer": "https://auth.example/realms/other" },
    });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |_| ());
    let authorization = basic("app", SECRET);
    let request = post("/realms/other/token", "grant_type=client_credentials");
    let answer = fixture.send(&Request {
        authorization: Some(&authorization),
        ..request
    });
    assert_eq!(answer.error(), (401, "invalid_client".into()));
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Basic realm=\"other\"")
    );
}

#[test]
fn an_http_issuer_is_served_to_loopback_only() {
    let realms = json!({ "default": { "issuer": "http://127.0.0.1:8787/realms/default" } });
    let fixture = Fixture::configured(realms, &secrets());
    for (authority, status) in [
        ("127.0.0.1:8787", 200),
        ("localhost", 200),
        ("[::1]:8787", 200),
        ("auth.example", 503),
        ("edge-token.example.workers.dev", 503),
        ("127.0.0.1.example", 503),
        ("", 503),
    ] {
        for path in ["/.well-known/jwks.json", "/health"] {
            let request = Request {
                method: "GET",
                path,
                ..Request::default()
            };
            let answer = fixture.send_with(authority, &request, &|_| Ok(()));
            assert_eq!(answer.status(), status, "{authority} {path}");
        }
    }
}

#[test]
fn nothing_is_taken_from_the_host() {
    let path = "/.well-known/openid-configuration";
    let request = Request {
        method: "GET",
        path,
        ..Request::default()
    };
    let answer = Fixture::new().send_with("evil.example", &request, &|_| Ok(()));
    assert_eq!(answer.status(), 200);
    assert!(
        !answer.response.body.contains("evil"),
        "{}",
        answer.response.body
    );
}

/// Two realms of a dialect with one fixed path.
fn two_on_one_path(hosts_a: Value, hosts_b: Value) -> Fixture {
    let realm = |name: &str, hosts: Value| {
        json!({
            "dialect": "light-oauth2",
            "issuer": format!("https://auth.example/realms/{name}"),
            "iss": name,
            "hosts": hosts,
        })
    };
    let realms = json!({
        "a": realm("a", hosts_a),
        "b": realm("b", hosts_b),
        "default": { "issuer": ISSUER },
    });
    let fixture = Fixture::configured(realms, &secrets());
    for realm in ["a", "b"] {
        fixture.register_in(realm, realm, |_| ());
    }
    fixture
}

#[test]
fn two_realms_on_one_path_of_one_host_are_both_not_served() {
    for (a, b) in [
        (json!([]), json!([])),
        (json!(["a.example"]), json!([])),
        (
            json!(["a.example", "c.example"]),
            json!(["b.example", "C.example"]),
        ),
    ] {
        let fixture = two_on_one_path(a, b);
        for (realm, other) in [("a", "b"), ("b", "a")] {
            let path = format!("/realms/{realm}/jwks");
            let request = Request {
                method: "GET",
                path: &path,
                ..Request::default()
            };
            let authority = format!("{realm}.example");
            let answer = fixture.send_with(&authority, &request, &|_| Ok(()));
            assert_eq!(answer.status(), 503, "{realm}");
            let reason = format!("realm `{realm}`: realm `{other}` has its path /oauth2/token too");
            assert_eq!(answer.reason(), reason);
        }
        assert_eq!(fixture.get("/.well-known/jwks.json").status(), 200);
    }
}

#[test]
fn realms_on_one_path_are_told_apart_by_their_hosts() {
    let fixture = two_on_one_path(json!(["a.example"]), json!(["b.example"]));
    for (authority, client, status) in [
        ("a.example", "a", 200),
        ("A.example:443", "a", 200),
        ("b.example", "b", 200),
        ("a.example", "b", 401),
        ("b.example", "a", 401),
        ("c.example", "a", 404),
        ("a.example.evil.example", "a", 404),
        ("", "a", 404),
    ] {
        let authorization = basic(client, SECRET);
        let request = post("/oauth2/token", "grant_type=client_credentials");
        let request = Request {
            authorization: Some(&authorization),
            ..request
        };
        let answer = fixture.send_with(authority, &request, &|_| Ok(()));
        assert_eq!(answer.status(), status, "{authority} {client}");
    }
}

#[test]
fn a_realm_may_have_paths_of_its_own() {
    let realms = json!({
        "default": { "issuer": ISSUER, "paths": { "token": "/oauth/token", "jwks": "/keys" } },
    });
    let fixture = Fixture::configured(realms, &secrets());
    for (path, status) in [
        ("/keys", 200),
        ("/realms/default/jwks", 404),
        ("/oauth/token", 405),
    ] {
        assert_eq!(fixture.get(path).status(), status, "{path}");
    }
    let metadata = fixture.get("/.well-known/openid-configuration").json();
    assert_eq!(
        metadata["token_endpoint"],
        "https://auth.example/oauth/token"
    );
    assert_eq!(metadata["jwks_uri"], "https://auth.example/keys");
}

#[test]
fn a_token_of_one_realm_is_refused_by_a_verifier_of_another() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "other": { "issuer": "https://auth.example/realms/other", "signing_keys": ["OTHER"] },
    });
    let mut secrets = secrets();
    secrets.insert("OTHER", jwk_set(&[&key(2, NOW - 9, NOW + 9_999)]));
    let fixture = Fixture::configured(realms, &secrets);
    fixture.register("app", |_| ());
    let (header, claims) = fixture.token("").access_token();
    let metadata = fixture
        .get("/realms/other/.well-known/openid-configuration")
        .json();
    assert_ne!(claims["iss"], metadata["issuer"]);
    assert_ne!(claims["aud"], metadata["issuer"]);
    let keys = fixture.get("/realms/other/jwks").json();
    let kids = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].clone());
    assert!(!kids.collect::<Vec<_>>().contains(&header["kid"]));
}

#[test]
fn cors_is_off_unless_a_realm_lists_origins() {
    let realm = |origins: Value| {
        let realms = json!({ "default": { "issuer": ISSUER, "allowed_origins": origins } });
        let fixture = Fixture::configured(realms, &secrets());
        fixture.register("app", |_| ());
        fixture
    };
    let app = Some("https://app.example");
    let authorization = basic("app", SECRET);
    for (origins, origin, allowed) in [
        (json!(["https://app.example"]), app, app),
        (
            json!(["https://other.example", "https://app.example"]),
            app,
            app,
        ),
        (json!(["*"]), app, app),
        (
            json!(["https://app.example"]),
            Some("https://evil.example"),
            None,
        ),
        (json!(["https://app.example"]), Some("null"), None),
        (json!(["https://app.example"]), None, None),
    ] {
        let fixture = realm(origins);
        let good = post("/token", "grant_type=client_credentials");
        let good = Request {
            origin,
            authorization: Some(&authorization),
            ..good
        };
        let preflight = Request {
            method: "OPTIONS",
            authorization: None,
            ..good
        };
        let bad = Request {
            authorization: None,
            ..good
        };
        for (request, status) in [(good, 200), (preflight, 204), (bad, 401)] {
            let answer = fixture.send(&request);
            assert_eq!(answer.status(), status);
            assert_eq!(answer.header("access-control-allow-origin"), allowed);
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            assert_eq!(answer.header("vary"), Some("origin"));
            // A preflight is no outcome: the log must not say that anything was issued.
            assert_eq!(answer.log.is_none(), status == 204);
        }
        let answer = fixture.get("/token");
        assert_eq!(
            (answer.status(), answer.header("allow")),
            (405, Some("POST, OPTIONS"))
        );
    }
    let fixture = realm(json!([]));
    let request = Request {
        method: "OPTIONS",
        origin: app,
        ..post("/token", "")
    };
    let answer = fixture.send(&request);
    assert_eq!(
        (
            answer.status(),
            answer.header("access-control-allow-origin")
        ),
        (405, None)
    );
}
