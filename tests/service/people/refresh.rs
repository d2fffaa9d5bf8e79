//! RFC 6749 §6, RFC 9700 §4.14: refresh tokens, and what a client may still have.

use super::*;

#[test]
fn refresh_tokens_rotate_and_a_lost_answer_can_be_had_again() {
    let mut people = People::new();
    let code = people.code(
        "app",
        "&scope=openid+read&nonce=n1",
        json!({ "auth_time": NOW }),
    );
    let first = people.redeem(&code, "").text("refresh_token");
    people.later(100);
    let answer = people.refresh(&first, "");
    let second = answer.text("refresh_token");
    assert_ne!(first, second);
    assert_eq!(answer.claims()["sub"], "1302");
    assert_eq!(answer.text("scope"), "openid read");
    // OpenID Connect Core §12.2: the same person and sign-in, no nonce.
    let id_token = claims_of(&answer.text("id_token"));
    assert_eq!(
        (&id_token["sub"], &id_token["auth_time"]),
        (&json!("1302"), &json!(NOW))
    );
    assert_eq!(
        (&id_token["iat"], id_token.get("nonce")),
        (&json!(NOW + 100), None)
    );
    // The answer was lost.
    people.later(9);
    let retry = people.refresh(&first, "");
    assert_eq!(retry.text("refresh_token"), second);
    assert_ne!(retry.text("access_token"), answer.text("access_token"));
    // It arrived: its token is used, and the first one is a replay.
    let third = people.refresh(&second, "").text("refresh_token");
    let replay = people.refresh(&first, "");
    assert_eq!(replay.error(), invalid_grant());
    assert!(replay.reason().contains("revoked"));
    assert_eq!(people.refresh(&third, "").error(), invalid_grant());
}

#[test]
fn after_the_grace_a_used_token_revokes() {
    for grace in [0, 30] {
        let mut people = People::with(json!({ "refresh_token_grace": grace }));
        let code = people.code("app", "", json!({}));
        let first = people.redeem(&code, "").text("refresh_token");
        let second = people.refresh(&first, "").text("refresh_token");
        people.later(grace);
        assert_eq!(people.refresh(&first, "").error(), invalid_grant());
        assert_eq!(people.refresh(&second, "").error(), invalid_grant());
    }
}

#[test]
fn bad_refresh_tokens_look_the_same_and_leave_good_ones_alone() {
    let people = People::new();
    people.register("other", |_| ());
    people.register("no-refresh", |client| client.grant_types.truncate(1));
    let code = people.code("app", "&scope=openid+read", json!({}));
    let good = people.redeem(&code, "").text("refresh_token");
    let flipped = |at: usize| {
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &good[..at], &good[at + 1..])
    };
    let mut bad = vec![people.token(
        "other",
        &format!("grant_type=refresh_token&refresh_token={good}"),
    )];
    // In the family's id, the seed, the generation and the proof.
    for token in [
        "x",
        &"A".repeat(112),
        &good[1..],
        &flipped(3),
        &flipped(30),
        &flipped(66),
        &flipped(90),
        &code,
    ] {
        bad.push(people.refresh(token, ""));
    }
    for answer in &bad {
        assert_eq!(answer.error(), invalid_grant());
        assert_eq!(answer.response, bad[0].response);
    }
    let unregistered = people.token(
        "no-refresh",
        &format!("grant_type=refresh_token&refresh_token={good}"),
    );
    assert_eq!(unregistered.error(), (400, "unauthorized_client".into()));
    let unauthenticated = people.send(&post(
        "/token",
        &format!("grant_type=refresh_token&refresh_token={good}"),
    ));
    assert_eq!(unauthenticated.error(), (401, "invalid_client".into()));
    for (scope, error) in [("openid+email", "invalid_scope"), ("++", "invalid_scope")] {
        let answer = people.refresh(&good, &format!("&scope={scope}"));
        assert_eq!(answer.error(), (400, error.into()));
    }
    let target = people.refresh(&good, "&resource=urn:x");
    assert_eq!(target.error(), (400, "invalid_target".into()));
    assert_eq!(
        people.refresh("", "").error(),
        (400, "invalid_request".into())
    );
    // Narrower for once, and all again.
    let narrow = people.refresh(&good, "&scope=read");
    assert_eq!(narrow.text("scope"), "read");
    assert_eq!(narrow.json().get("id_token"), None);
    let all = people.refresh(&narrow.text("refresh_token"), "");
    assert_eq!(all.text("scope"), "openid read");
}

#[test]
fn refresh_tokens_end_when_idle_and_after_all() {
    let lifetimes = json!({
        "refresh_token_idle_ttl": 1000, "refresh_token_ttl": 2500,
        "offline_token_idle_ttl": 3000, "offline_token_ttl": 7000,
    });
    for (scope, idle, absolute) in [("read", 1000, 2500), ("read+offline_access", 3000, 7000)] {
        let mut people = People::with(lifetimes.clone());
        let scope = format!("&scope={scope}");
        let idle_one = people.redeem(&people.code("app", &scope, json!({})), "");
        let mut used = people.redeem(&people.code("app", &scope, json!({})), "");
        for _ in 0..2 {
            people.later(idle - 1);
            used = people.refresh(&used.text("refresh_token"), "");
        }
        assert_eq!(
            people.refresh(&idle_one.text("refresh_token"), "").error(),
            invalid_grant()
        );
        people.later(absolute - 2 * (idle - 1) - 1);
        used = people.refresh(&used.text("refresh_token"), "");
        assert_eq!(used.status(), 200, "{scope}");
        people.later(1);
        assert_eq!(
            people.refresh(&used.text("refresh_token"), "").error(),
            invalid_grant()
        );
    }
}

#[test]
fn a_client_gets_no_more_than_its_record_still_allows() {
    let mut people = People::new();
    let code = people.code("app", "&scope=openid+email+read", json!({}));
    let refresh = people.redeem(&code, "").text("refresh_token");
    people.register("app", |client| {
        client.scope = ScopeSet::parse("openid read").unwrap()
    });
    let answer = people.refresh(&refresh, "");
    assert_eq!(answer.text("scope"), "openid read");
    let realm = json!({
        "issuer": ISSUER, "login_url": LOGIN_URL, "login_clients": ["login"], "scopes": "openid email",
    });
    let narrower = Fixture::configured(json!({ "default": realm }), &secrets());
    let whole = std::mem::replace(&mut people.fixture.service, narrower.service);
    let answer = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(answer.text("scope"), "openid");
    people.fixture.service = whole;
    people.register("app", |client| client.disabled = true);
    let refused = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(refused.error(), (401, "invalid_client".into()));
}

#[test]
fn a_resource_that_was_asked_for_binds_the_tokens() {
    let people = People::new();
    people.register("app", |client| {
        client.audience = vec!["urn:a".into(), "urn:b".into()]
    });
    let free = people.redeem(&people.code("app", "", json!({})), "");
    assert_eq!(free.claims()["aud"], json!(["urn:a", "urn:b"]));
    let code = people.code("app", "&resource=urn:b", json!({}));
    assert_eq!(
        people.redeem(&code, "&resource=urn:a").error(),
        (400, "invalid_target".into())
    );
    let bound = people.redeem(&code, "");
    assert_eq!(bound.claims()["aud"], "urn:b");
    let refresh = bound.text("refresh_token");
    assert_eq!(
        people.refresh(&refresh, "&resource=urn:a").error(),
        (400, "invalid_target".into())
    );
    let answer = people.refresh(&refresh, "&resource=urn:b");
    assert_eq!(answer.claims()["aud"], "urn:b");
    people.register("app", |client| client.audience = vec!["urn:a".into()]);
    let gone = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(gone.error(), (400, "invalid_target".into()));
}
