//! RFC 6749 §4.1.3, RFC 7636 §4.6: codes, once.

use super::*;

#[test]
fn a_code_needs_its_redirect_uri_and_verifier() {
    let people = People::new();
    let with_pkce = people.code("app", PKCE, json!({}));
    let without = people.code("app", "", json!({}));
    let uri = encoded(CALLBACK);
    let bad_redirects = [
        String::new(),
        format!("&redirect_uri={uri}%2F"),
        "&redirect_uri=https%3A%2F%2Fapp.example%2Fcb".into(),
    ];
    for redirect in bad_redirects {
        let form = format!("grant_type=authorization_code&code={without}{redirect}");
        assert_eq!(
            people.token("app", &form).error(),
            invalid_grant(),
            "{redirect}"
        );
    }
    for verifier in [
        String::new(),
        format!("&code_verifier={CHALLENGE}"),
        format!("&code_verifier={}", &VERIFIER[..42]),
        format!("&code_verifier={VERIFIER}x"),
        format!("&code_verifier={}", "a".repeat(129)),
    ] {
        assert_eq!(
            people.redeem(&with_pkce, &verifier).error(),
            invalid_grant(),
            "{verifier}"
        );
    }
    // A verifier without a challenge is a downgrade that somebody attempts.
    let downgrade = people.redeem(&without, &format!("&code_verifier={VERIFIER}"));
    assert_eq!(downgrade.error(), invalid_grant());
    // None of that used the codes.
    assert_eq!(people.redeem(&without, "").status(), 200);
    assert_eq!(
        people
            .redeem(&with_pkce, &format!("&code_verifier={VERIFIER}"))
            .status(),
        200
    );
}

#[test]
fn bad_codes_look_the_same_and_leave_good_ones_alone() {
    let people = People::new();
    people.register("other", |_| ());
    let code = people.code("app", "", json!({}));
    let uri = encoded(CALLBACK);
    let foreign = people.token(
        "other",
        &format!("grant_type=authorization_code&code={code}&redirect_uri={uri}"),
    );
    let ticket = people.ask("app", "").ticket;
    let mut answers = vec![foreign];
    for bad in [
        "x",
        &"A".repeat(64),
        &format!("{}A", &code[..63]),
        &code[1..],
        &ticket,
    ] {
        answers.push(people.redeem(bad, ""));
    }
    answers.push(people.redeem(&code, "&code_verifier=x"));
    for answer in &answers {
        assert_eq!(answer.error(), invalid_grant());
        assert_eq!(answer.response, answers[0].response);
    }
    let missing = people.token("app", "grant_type=authorization_code");
    assert_eq!(missing.error(), (400, "invalid_request".into()));
    assert_eq!(people.redeem(&code, "").status(), 200);
}

#[test]
fn a_second_use_of_a_code_revokes_what_it_gave() {
    let people = People::new();
    let code = people.code("app", "&scope=openid", json!({}));
    let tokens = people.redeem(&code, "");
    assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 200);
    let again = people.redeem(&code, "");
    assert_eq!(again.error(), invalid_grant());
    assert!(again.reason().contains("revoked"), "{}", again.reason());
    assert_eq!(
        people.refresh(&tokens.text("refresh_token"), "").error(),
        invalid_grant()
    );
    let userinfo = people.userinfo(&tokens.text("access_token"));
    assert_eq!(userinfo.error(), (401, "invalid_token".into()));
    assert_eq!(people.fixture.store.families(), 0);
}

#[test]
fn codes_and_tickets_end() {
    let mut people = People::new();
    let code = people.code("app", "", json!({}));
    people.later(60);
    assert_eq!(people.redeem(&code, "").error(), invalid_grant());
    let asked = people.ask("app", "");
    people.later(30 * 60);
    assert_eq!(people.accept(&asked, json!({})).error(), invalid_grant());
    assert_eq!(people.resume(&asked).status(), 400);
}

#[test]
fn a_public_client_proves_itself_by_pkce() {
    let people = People::new();
    let code = people.code("spa", PKCE, json!({}));
    let uri = encoded(CALLBACK);
    let form =
        format!("grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={uri}");
    assert_eq!(people.token("spa", &form).error(), invalid_grant());
    let good = people.token("spa", &format!("{form}&code_verifier={VERIFIER}"));
    assert_eq!(good.claims()["client_id"], "spa");
    let form = format!(
        "grant_type=refresh_token&client_id=spa&refresh_token={}",
        good.text("refresh_token")
    );
    assert_eq!(people.token("spa", &form).status(), 200);
    // A client of its own right it is not.
    people.register("spa", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = edge_token::auth_method::AuthMethod::None;
        client.grant_types = vec!["client_credentials".into()];
    });
    let own = people.token("spa", "grant_type=client_credentials&client_id=spa");
    assert_eq!(own.error(), (400, "unauthorized_client".into()));
}

#[test]
fn a_client_that_may_not_refresh_gets_no_refresh_token() {
    let people = People::new();
    people.register("app", |client| client.grant_types.truncate(1));
    let code = people.code("app", "&scope=openid+offline_access", json!({}));
    let answer = people.redeem(&code, "");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json().get("refresh_token"), None);
    // A second use is a replay all the same.
    assert_eq!(people.redeem(&code, "").error(), invalid_grant());
    assert_eq!(people.userinfo(&answer.text("access_token")).error().0, 401);
}

#[test]
fn realms_are_strangers_to_one_anothers_families() {
    let realm = |name: &str| {
        json!({
            "issuer": format!("https://auth.example/realms/{name}"),
            "login_url": LOGIN_URL, "login_clients": ["login"],
        })
    };
    let mut people = People::new();
    let realms = json!({ "default": realm("default"), "other": realm("other") });
    people.fixture.service = Fixture::configured(realms, &secrets()).service;
    people.fixture.register_in("other", "app", |client| {
        client.grant_types = vec!["authorization_code".into(), "refresh_token".into()];
        client.redirect_uris = vec![CALLBACK.into()];
    });
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let code = people.code("app", "&scope=openid", json!({}));
    let own = people.place;
    people.place = |path| format!("/realms/other{path}");
    assert_eq!(people.redeem(&code, "").error(), invalid_grant());
    assert_eq!(
        people.refresh(&tokens.text("refresh_token"), "").error(),
        invalid_grant()
    );
    assert_eq!(people.userinfo(&tokens.text("access_token")).error().0, 401);
    people.place = own;
    assert_eq!(people.redeem(&code, "").status(), 200);
}
