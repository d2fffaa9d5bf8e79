//! Storage or keys that fail: 503, and nothing is used up.

use super::*;

#[test]
fn a_failing_family_is_a_503_and_a_refresh_can_be_tried_again() {
    let people = People::new();
    let code = people.code("app", "&scope=openid", json!({}));
    let tokens = people.redeem(&code, "");
    let refresh = tokens.text("refresh_token");
    let second = people.code("app", "", json!({}));
    let (asked, open) = (people.ask("app", ""), people.ask("app", ""));
    people.accept(&asked, json!({}));
    for failure in [
        StoreError::Unavailable {
            detail: "overloaded".into(),
        },
        StoreError::Timeout,
    ] {
        people.fixture.store.fail_acts(Some(failure));
        for answer in [
            people.authorize("response_type=code&client_id=app"),
            people.redeem(&second, ""),
            people.refresh(&refresh, ""),
            people.accept(&asked, json!({})),
            people.login(
                "/authorize/reject",
                &json!({ "ticket": open.ticket, "error": "access_denied" }),
            ),
            people.login("/authorize/ticket", &json!({ "ticket": open.ticket })),
            people.resume(&asked),
            people.send(&Request {
                authorization: Some(&basic("app", SECRET)),
                ..post("/par", "response_type=code")
            }),
            people.userinfo(&tokens.text("access_token")),
            people.send(&Request {
                method: "GET",
                path: "/logout",
                query: &format!("id_token_hint={}", tokens.text("id_token")),
                ..Request::default()
            }),
        ] {
            assert_eq!(answer.status(), 503);
            assert_eq!(answer.header("retry-after"), Some("5"));
            assert_eq!(answer.log()["outcome"], "failed");
        }
        people.fixture.store.fail_acts(None);
    }
    let successor = people.refresh(&refresh, "").text("refresh_token");
    assert_eq!(
        people.refresh(&refresh, "").text("refresh_token"),
        successor
    );
    assert_eq!(people.redeem(&second, "").status(), 200);
}

#[test]
fn client_credentials_ask_no_family() {
    let people = People::new();
    people.register("machine", |client| {
        client.grant_types.push("client_credentials".into());
    });
    people.fixture.store.fail_acts(Some(StoreError::Timeout));
    let answer = people.token(
        "machine",
        "grant_type=client_credentials&scope=offline_access",
    );
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json().get("refresh_token"), None);
    assert_eq!(people.fixture.store.acts(), 0);
}

#[test]
fn without_a_key_no_code_or_refresh_token_is_used() {
    let mut people = People::with(json!({ "refresh_token_grace": 0 }));
    let code = people.code("app", "&scope=offline_access", json!({}));
    let other = people.code("app", "&scope=offline_access", json!({}));
    let refresh = people.redeem(&code, "").text("refresh_token");
    let keyless = Fixture::configured(
        json!({ "default": { "issuer": ISSUER, "login_url": LOGIN_URL, "login_clients": ["login"] } }),
        &HashMap::from([("SIGNING_KEYS", jwk_set(&[&key(1, NOW - 9, NOW + 10)]))]),
    );
    let good = std::mem::replace(&mut people.fixture.service, keyless.service);
    assert_eq!(people.redeem(&other, "").status(), 503);
    assert_eq!(people.refresh(&refresh, "").status(), 503);
    people.fixture.service = good;
    assert_eq!(people.redeem(&other, "").status(), 200);
    let successor = people.refresh(&refresh, "").text("refresh_token");
    assert_ne!(successor, refresh);
}

#[test]
fn without_a_key_no_family_begins() {
    let realm = json!({ "dialect": "keycloak", "issuer": ISSUER });
    let keys = HashMap::from([("SIGNING_KEYS", jwk_set(&[&key(1, NOW - 9, NOW + 10)]))]);
    let fixture = Fixture::configured(json!({ "default": realm }), &keys);
    fixture.register("app", |client| {
        client.scope = ScopeSet::parse("offline_access").unwrap();
        client.grant_types.push("refresh_token".into());
    });
    let authorization = basic("app", SECRET);
    let answer = fixture.send(&Request {
        authorization: Some(&authorization),
        ..post(
            "/realms/default/protocol/openid-connect/token",
            "grant_type=client_credentials",
        )
    });
    assert_eq!((answer.status(), fixture.store.acts()), (503, 0));
}

#[test]
fn the_log_names_families_that_exist_alone() {
    let people = People::new();
    let code = people.code("app", "", json!({}));
    let answer = people.redeem(&code, "");
    assert!(answer.log()["family"].is_string());
    let unknown = people.redeem(&"A".repeat(64), "").log();
    assert_eq!(
        (unknown.get("family"), &unknown["outcome"]),
        (None, &json!("rejected"))
    );
}
