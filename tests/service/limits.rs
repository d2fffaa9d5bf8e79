//! Brakes: who is held up, who never is, and what those hear (docs/divergences.md has the rest).

use edge_token::auth_method::AuthMethod;
use edge_token::store::{Limiter, PERIOD};

use super::people::People;
use super::signed::{CLIENT_KEY, Signed, by_assertion, jwks, presented};
use super::*;

const GRANT: &str = "grant_type=client_credentials";

impl Fixture {
    /// A token request from an address.
    fn token_from(&self, address: &str, authorization: &str) -> Answer {
        self.send(&Request {
            client_address: Some(address),
            authorization: Some(authorization),
            ..post("/token", GRANT)
        })
    }
}

fn assert_too_many(answer: &Answer, reason: &str) {
    assert_eq!(
        answer.error(),
        (429, "temporarily_unavailable".into()),
        "{reason}"
    );
    assert_eq!(answer.header("retry-after"), Some("60"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("www-authenticate"), None);
    let description = &answer.json()["error_description"];
    assert_eq!(description, "Too many requests; try again later.");
    assert_eq!(answer.log()["status"], 429);
    assert_eq!(answer.log()["outcome"], "rejected");
    assert_eq!(answer.reason(), reason);
}

#[test]
fn a_client_gets_so_many_tokens_and_others_get_theirs() {
    let fixture = Fixture::new();
    fixture.register("other", |_| ());
    fixture.register_in("default", "third", |_| ());
    fixture.store.limit(Limiter::Rate, Ok(3));
    for _ in 0..3 {
        assert_eq!(fixture.token("").status(), 200);
    }
    // What fails in its name is not counted: nobody else can use up what it has.
    for _ in 0..5 {
        let answer = fixture.token_as(&basic("other", "wrong"), GRANT);
        assert_eq!(answer.status(), 401);
    }
    for _ in 0..2 {
        let answer = fixture.token("");
        assert_too_many(&answer, "over the client's rate limit");
        assert_eq!(answer.log()["client_id"], "app");
        assert_eq!(answer.log()["secret_id"], "s1");
        assert_eq!(answer.log()["jti"], Value::Null);
    }
    for _ in 0..3 {
        assert_eq!(
            fixture.token_as(&basic("other", SECRET), GRANT).status(),
            200
        );
    }
}

#[test]
fn a_client_of_the_same_name_in_another_realm_is_another() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "other": { "issuer": "https://auth.example/realms/other" },
    });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |_| ());
    fixture.register_in("other", "app", |_| ());
    fixture.store.limit(Limiter::Rate, Ok(1));
    let at = |path| {
        let authorization = basic("app", SECRET);
        let request = Request {
            authorization: Some(&authorization),
            ..post(path, GRANT)
        };
        fixture.send(&request).status()
    };
    assert_eq!(at("/realms/default/token"), 200);
    assert_eq!(at("/token"), 429);
    assert_eq!(at("/realms/other/token"), 200);
}

#[test]
fn too_many_failures_from_an_address_are_told_so_and_good_credentials_never() {
    let fixture = Fixture::new();
    fixture.register("gone", |client| client.disabled = true);
    fixture.store.limit(Limiter::Failure, Ok(4));
    let failures = [
        (basic("nobody", "x"), "unknown client"),
        (basic("app", "wrong"), "wrong secret"),
        (basic("gone", SECRET), "client disabled"),
        ("Basic !".to_owned(), "malformed basic credentials"),
    ];
    for (authorization, _) in &failures {
        assert_eq!(fixture.token_from("192.0.2.1", authorization).status(), 401);
    }
    let mut bodies = Vec::new();
    for (authorization, why) in &failures {
        let answer = fixture.token_from("192.0.2.1", authorization);
        let reason = format!("over the address's limit of failed authentications: {why}");
        assert_too_many(&answer, &reason);
        bodies.push(answer.response);
        // A fleet behind one address is not held up by one that is configured wrongly.
        let good = fixture.token_from("192.0.2.1", &basic("app", SECRET));
        assert_eq!(good.status(), 200);
        assert_eq!(fixture.token_from("192.0.2.2", authorization).status(), 401);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    // What is wrong otherwise is no failed authentication.
    for (body, expected) in [
        ("", 400),
        ("grant_type=x", 400),
        ("grant_type=x&a=1&a=1", 400),
    ] {
        let answer = fixture.send(&Request {
            client_address: Some("192.0.2.1"),
            authorization: Some(&basic("app", SECRET)),
            ..post("/token", body)
        });
        assert_eq!(answer.status(), expected, "{body}");
    }
}

#[test]
fn a_network_has_one_address_of_ipv6() {
    let fixture = Fixture::new();
    fixture.store.limit(Limiter::Failure, Ok(2));
    let from = |address| fixture.token_from(address, &basic("app", "wrong")).status();
    assert_eq!(from("2001:db8:1:2::1"), 401);
    assert_eq!(from("2001:db8:1:2:ffff::2"), 401);
    assert_eq!(from("2001:db8:1:2:3:4:5:6"), 429);
    assert_eq!(from("2001:db8:1:3::1"), 401);
    assert_eq!(from("192.0.2.1"), 401);
}

#[test]
fn a_brake_that_cannot_be_asked_holds_up_nobody_and_the_log_says_so() {
    let fixture = Fixture::new();
    let error = || StoreError::Unavailable {
        detail: "no limiter".into(),
    };
    fixture.store.limit(Limiter::Rate, Err(error()));
    fixture.store.limit(Limiter::Failure, Err(error()));
    for (answer, status, said) in [
        (fixture.token(""), 200, "Rate: storage failed: no limiter"),
        (
            fixture.token_as(&basic("app", "wrong"), GRANT),
            401,
            "Failure: storage failed: no limiter",
        ),
    ] {
        assert_eq!(answer.status(), status);
        assert!(matches!(answer.log, Some(Log::Warning(_))));
        assert_eq!(answer.log()["level"], "warning");
        assert_eq!(answer.log()["limiter_error"], said);
    }
}

#[test]
fn a_used_assertion_uses_up_nothing_of_its_clients() {
    let fixture = Fixture::new();
    fixture.register("signer", |client| by_assertion(client, jwks(&[CLIENT_KEY])));
    let body = |assertion: Signed| format!("{GRANT}{}", presented(&assertion.text()));
    let used = body(Signed::assertion("signer"));
    fixture.store.limit(Limiter::Rate, Ok(2));
    assert_eq!(fixture.send(&post("/token", &used)).status(), 200);
    // Whoever finds it in a log can only fail with it.
    for _ in 0..5 {
        assert_eq!(fixture.send(&post("/token", &used)).status(), 401);
    }
    let fresh = |jti: &str| body(Signed::assertion("signer").claim("jti", jti));
    assert_eq!(fixture.send(&post("/token", &fresh("2"))).status(), 200);
    let answer = fixture.send(&post("/token", &fresh("3")));
    assert_too_many(&answer, "over the client's rate limit");
    // A replay is a failed authentication as any other.
    fixture.store.limit(Limiter::Failure, Ok(1));
    assert_eq!(fixture.send(&post("/token", &used)).status(), 401);
    let answer = fixture.send(&post("/token", &used));
    assert_too_many(
        &answer,
        "over the address's limit of failed authentications: assertion: its `jti` was used before",
    );
}

#[test]
fn whoever_only_names_a_client_where_that_is_not_enough_has_failed() {
    let fixture = Fixture::new();
    fixture.register("spa", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = AuthMethod::None;
    });
    fixture.store.limit(Limiter::Failure, Ok(2));
    let body = "client_id=spa&token=x";
    let ask = || {
        fixture
            .send(&post("/realms/default/introspect", body))
            .status()
    };
    assert_eq!([ask(), ask(), ask()], [401, 401, 429]);
}

#[test]
fn no_id_is_anothers_id_and_address() {
    let fixture = Fixture::new();
    fixture.register("spa", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = AuthMethod::None;
    });
    fixture.register("spa 192.0.2.1", |_| ());
    fixture.store.limit(Limiter::Rate, Ok(1));
    let odd = basic("spa 192.0.2.1", SECRET);
    assert_eq!(fixture.token_from("192.0.2.1", &odd).status(), 200);
    assert_eq!(fixture.token_from("192.0.2.1", &odd).status(), 429);
    let public = fixture.send(&Request {
        client_address: Some("192.0.2.1"),
        ..post("/token", "grant_type=client_credentials&client_id=spa")
    });
    assert_ne!(public.status(), 429);
}

#[test]
fn who_only_names_a_client_uses_up_a_limit_of_their_own() {
    let people = People::new();
    people.fixture.store.limit(Limiter::Rate, Ok(2));
    let authorize = |client: &str, address| {
        let query = format!("response_type=code&client_id={client}");
        people.send(&Request {
            method: "GET",
            path: "/authorize",
            query: &query,
            client_address: Some(address),
            ..Request::default()
        })
    };
    for client in ["app", "spa"] {
        for _ in 0..2 {
            assert_ne!(authorize(client, "192.0.2.1").status(), 429);
        }
        let page = authorize(client, "192.0.2.1");
        assert_eq!(page.status(), 429);
        assert_eq!(page.header("retry-after"), Some("60"));
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_ne!(authorize(client, "192.0.2.2").status(), 429);
    }
    // The same client with its secret has all that is its own, a public one what the address has.
    let token = |authorization: &str, form: &str, address| {
        let authorization = Some(authorization).filter(|text| !text.is_empty());
        let body = format!("grant_type=refresh_token&refresh_token=x{form}");
        let request = Request {
            authorization,
            client_address: Some(address),
            ..post("/token", &body)
        };
        people.send(&request).status()
    };
    assert_eq!(token(&basic("app", SECRET), "", "192.0.2.1"), 400);
    assert_eq!(token("", "&client_id=spa", "192.0.2.1"), 429);
    assert_eq!(token("", "&client_id=spa", "192.0.2.3"), 400);
}

#[test]
fn resource_servers_may_ask_as_often_as_they_like() {
    let fixture = Fixture::new();
    let token = fixture.token("").json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    fixture.store.limit(Limiter::Rate, Ok(0));
    for path in ["/realms/default/introspect", "/realms/default/revoke"] {
        let body = format!("token={token}");
        let answer = fixture.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post(path, &body)
        });
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[test]
fn each_dialect_says_it_in_its_words() {
    for (dialect, path, description) in [
        (
            "keycloak",
            "/realms/default/protocol/openid-connect/token",
            "error_description",
        ),
        (
            "screening-eagle",
            "/api/id/v1/auth/token",
            "errorDescription",
        ),
        ("light-oauth2", "/oauth2/token", "error_description"),
    ] {
        let realms = json!({ "default": { "issuer": ISSUER, "dialect": dialect } });
        let fixture = Fixture::configured(realms, &secrets());
        fixture.register("app", |client| {
            client.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
        });
        fixture.store.limit(Limiter::Rate, Ok(0));
        let answer = fixture.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post(path, GRANT)
        });
        assert_eq!(
            answer.error(),
            (429, "temporarily_unavailable".into()),
            "{dialect}"
        );
        assert_eq!(answer.header("retry-after"), Some("60"));
        assert!(answer.json()[description].is_string(), "{dialect}");
    }
}

#[test]
fn a_header_has_so_many_fields_and_no_longer_ones() {
    let fixture = Fixture::new();
    let good = basic("app", SECRET);
    let long = "x".repeat(16 * 1024 + 1);
    let request = Request {
        authorization: Some(&good),
        ..post("/token", GRANT)
    };
    for (header_fields, cookie, expected) in [
        (100, None, 200),
        (101, None, 431),
        (9, Some(&long[1..]), 200),
        (9, Some(&long[..]), 431),
    ] {
        let request = Request {
            header_fields,
            cookie,
            ..request
        };
        let reads = fixture.store.reads();
        let answer = fixture.send(&request);
        assert_eq!(answer.status(), expected, "{header_fields}");
        if expected == 431 {
            assert_eq!(answer.error().1, "invalid_request");
            assert_eq!(answer.reason(), "header too large");
            assert_eq!(fixture.store.reads(), reads);
        }
    }
    let authorization = Some(long.as_str());
    let longer = Request {
        authorization,
        ..request
    };
    assert_eq!(fixture.send(&longer).status(), 431);
}

#[test]
fn the_line_tells_the_ray_and_where_it_was_but_nothing_that_is_none() {
    let fixture = Fixture::new();
    for (ray, expected) in [
        (
            Some("8f1a2b3c4d5e6f70-AMS"),
            (json!("8f1a2b3c4d5e6f70"), json!("AMS")),
        ),
        (Some("8f1a2b3c4d5e6f70"), (json!(null), json!(null))),
        (Some("my-secret"), (json!(null), json!(null))),
        (Some("8f1a2b3c4d5e6f7-AMS"), (json!(null), json!(null))),
        (Some("8f1a2b3c4d5e6f70-ams"), (json!(null), json!(null))),
        (None, (json!(null), json!(null))),
    ] {
        let answer = fixture.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ray,
            ..post("/token", GRANT)
        });
        assert_eq!(answer.status(), 200);
        let log = answer.log();
        assert_eq!(
            (log["ray_id"].clone(), log["colo"].clone()),
            expected,
            "{ray:?}"
        );
    }
}

#[test]
fn wrangler_toml_counts_over_the_period_that_is_told() {
    let configuration: toml::Value = toml::from_str(include_str!("../../wrangler.toml")).unwrap();
    let limits = configuration["env"]["production"]["ratelimits"]
        .as_array()
        .unwrap();
    let mut names = Vec::new();
    for limit in limits {
        assert_eq!(
            limit["simple"]["period"].as_integer(),
            Some(i64::from(PERIOD))
        );
        names.push(limit["name"].as_str().unwrap());
    }
    assert_eq!(names, ["RATE_LIMITER", "FAILURE_LIMITER"]);
}
