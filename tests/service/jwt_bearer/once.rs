//! RFC 7523 §3, 7: an assertion that has a name is good once.

use super::*;

fn invalid_grant() -> (u16, String) {
    (400, "invalid_grant".into())
}

#[test]
fn an_assertion_is_good_once_and_one_without_a_name_while_it_lasts() {
    let fixture = Fixture::trusting();
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
    let again = fixture.bear(&by_idp(), "");
    assert_eq!(again.error(), invalid_grant());
    assert_eq!(again.reason(), "assertion: its `jti` was used before");
    let acts = fixture.store.acts();
    for _ in 0..3 {
        assert_eq!(fixture.bear(&by_idp().without("jti"), "").status(), 200);
    }
    assert_eq!(fixture.store.acts(), acts);
}

#[test]
fn a_jti_is_its_issuers_and_its_realms_and_every_clients() {
    let other = "https://auth.example/realms/other";
    let elsewhere = trusting(json!({ "issuer": other }));
    let realms = json!({ "default": trusting(json!({})), "other": elsewhere });
    let fixture = Fixture::configured(realms, &secrets());
    for realm in ["default", "other"] {
        for id in ["app", "app2"] {
            fixture.register_in(realm, id, may_present);
        }
    }
    let bear = |realm: &str, id: &str, assertion: &Signed| {
        let form = format!("grant_type={JWT_BEARER}&assertion={}", assertion.text());
        let authorization = basic(id, SECRET);
        fixture
            .send(&Request {
                authorization: Some(&authorization),
                ..post(&format!("/realms/{realm}/token"), &form)
            })
            .status()
    };
    let of_partner = by(PARTNER, PARTNER_KEY);
    for (realm, id, assertion, status) in [
        ("default", "app", by_idp(), 200),
        ("default", "app", of_partner.clone(), 200),
        ("other", "app", by_idp().claim("aud", other), 200),
        ("default", "app", by_idp(), 400),
        ("default", "app2", by_idp(), 400),
        ("default", "app", of_partner, 400),
        ("other", "app", by_idp().claim("aud", other), 400),
        // About another subject, by another key, until another moment: it is the same name.
        ("default", "app", by_idp().claim("sub", "eve"), 400),
        ("default", "app", by(IDP, IDP_OTHER_KEY), 400),
        ("default", "app", by_idp().claim("exp", NOW + 61), 400),
        ("default", "app", by_idp().claim("jti", "A1"), 200),
    ] {
        assert_eq!(bear(realm, id, &assertion), status, "{realm} {id}");
    }
}

#[test]
fn a_jti_is_free_again_when_its_assertion_is_over() {
    let mut fixture = Fixture::trusting();
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
    // It was good until NOW + 60, by a clock that is 8 s behind, and is remembered for a minute
    // more.
    for (seconds, status) in [(127, 400), (128, 200), (129, 400)] {
        fixture.at(seconds);
        let again = fixture.bear(&by_idp().claim("exp", NOW + seconds + 60), "");
        assert_eq!(again.status(), status, "{seconds}: {}", again.reason());
    }
}

#[test]
fn a_refused_request_uses_nothing_up() {
    let fixture = Fixture::trusting();
    let keyless = Fixture::trusting();
    for (name, form, error) in [
        ("scope", "&scope=admin", "invalid_scope"),
        ("malformed scope", "&scope=a%22", "invalid_scope"),
        ("target", "&resource=x", "invalid_target"),
        ("another parameter twice", "&x=1&x=2", "invalid_request"),
    ] {
        let answer = fixture.bear(&by_idp(), form);
        assert_eq!(answer.error(), (400, error.into()), "{name}");
    }
    let wrong = fixture.token_as(
        &basic("app", "wrong"),
        &format!("grant_type={JWT_BEARER}&assertion={}", by_idp().text()),
    );
    assert_eq!(wrong.error(), (401, "invalid_client".into()));
    for unregistered in [false, true] {
        fixture.register("app", |client| {
            may_present(client);
            client.grant_types.retain(|_| unregistered);
            client.trusted_issuers.retain(|_| !unregistered);
        });
        assert_eq!(fixture.bear(&by_idp(), "").status(), 400);
    }
    fixture.register("app", may_present);
    assert_eq!(fixture.store.acts(), 0);
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
    // No key signs: that is known before.
    let keys = HashMap::from([("SIGNING_KEYS", jwk_set(&[&key(1, NOW - 9, NOW + 10)]))]);
    let realms = json!({ "default": trusting(json!({})) });
    let without = Fixture::configured(realms, &keys);
    let with = Fixture {
        service: without.service,
        ..keyless
    };
    assert_eq!(with.bear(&by_idp(), "").status(), 503);
    assert_eq!(with.store.acts(), 0);
}

#[test]
fn a_jti_that_cannot_be_remembered_is_a_503_and_can_be_tried_again() {
    let fixture = Fixture::trusting();
    for failure in [
        StoreError::Timeout,
        StoreError::Unavailable {
            detail: "overloaded".into(),
        },
    ] {
        let reason = failure.to_string();
        fixture.store.fail_acts(Some(failure));
        let answer = fixture.bear(&by_idp(), "");
        assert_eq!(answer.error(), (503, "temporarily_unavailable".into()));
        assert_eq!(answer.reason(), reason);
        assert_eq!(answer.header("retry-after"), Some("5"));
        // What is no good is not remembered, so that it can be refused; and what has no name is not.
        let forged = fixture.bear(&by_idp().signed_by(99), "");
        assert_eq!(forged.error(), invalid_grant());
        assert_eq!(fixture.bear(&by_idp().without("jti"), "").status(), 200);
    }
    fixture.store.fail_acts(None);
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
    assert_eq!(fixture.bear(&by_idp(), "").error(), invalid_grant());
}
