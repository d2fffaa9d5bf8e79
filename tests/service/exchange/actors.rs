//! RFC 8693 §1.1, §4.1, §4.4: who acts for whom.

use super::*;

/// The claim `act` of those actors, the latest first.
fn acting(actors: &[&str]) -> Value {
    actors.iter().rev().fold(Value::Null, |before, actor| {
        let mut act = json!({ "sub": actor });
        if !before.is_null() {
            act["act"] = before;
        }
        act
    })
}

/// A chain of so many.
fn chain(actors: usize) -> Value {
    let names = (0..actors).map(|at| format!("a{at}")).collect::<Vec<_>>();
    acting(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn who_acts_is_the_client_or_whom_the_actors_token_is_about() {
    let fixture = Fixture::exchanging();
    let acted = |token: Signed| token.claim("act", acting(&["b", "a"]));
    let own_actor = actor(&own().text(), ACCESS_TOKEN);
    let of_front_actor = actor(&of_front().claim("sub", "ann").text(), JWT);
    let rows = [
        (
            "another's token",
            of_front(),
            "",
            acting(&["api"]),
            Some("api"),
        ),
        ("its own", own(), "", Value::Null, None),
        (
            "another's, by its own",
            of_front(),
            &*own_actor,
            acting(&["api"]),
            Some("api"),
        ),
        (
            "another's, by a third",
            of_front(),
            &of_front_actor,
            acting(&["ann"]),
            Some("ann"),
        ),
        (
            "its own, by another",
            own(),
            &of_front_actor,
            acting(&["ann"]),
            Some("ann"),
        ),
        (
            "its own, by its own",
            own(),
            &own_actor,
            acting(&["api"]),
            Some("api"),
        ),
        (
            "another's with actors",
            acted(of_front()),
            "",
            acting(&["api", "b", "a"]),
            Some("api"),
        ),
        (
            "its own with actors",
            acted(own()),
            "",
            acting(&["b", "a"]),
            None,
        ),
        (
            "its own with actors, by another",
            acted(own()),
            &of_front_actor,
            acting(&["ann", "b", "a"]),
            Some("ann"),
        ),
    ];
    for (name, token, more, act, log) in rows {
        for (may_impersonate, act, log) in [
            (false, &act, log),
            // Without an actor's token nobody is added.
            (
                true,
                if more.is_empty() {
                    token.claim_of("act")
                } else {
                    &act
                },
                log.filter(|_| !more.is_empty()),
            ),
        ] {
            fixture.register_api(|client| client.may_impersonate = may_impersonate);
            let name = format!("{name}, {may_impersonate}");
            let answer = fixture.exchange_one(&token, more);
            let claims = answer.claims();
            assert_eq!(claims.get("act").unwrap_or(&Value::Null), act, "{name}");
            assert_eq!(claims["sub"], *token.claim_of("sub"), "{name}");
            assert_eq!(claims["client_id"], "api", "{name}");
            assert_eq!(answer.log()["sub"], claims["sub"], "{name}");
            assert_eq!(
                answer.log().get("actor"),
                log.map(|log| json!(log)).as_ref(),
                "{name}"
            );
        }
    }
}

#[test]
fn a_client_acts_by_its_own_subject() {
    let fixture = Fixture::exchanging();
    fixture.register_api(|client| client.subject = Some("spiffe://example/api".into()));
    let claims = fixture.exchange_one(&of_front(), "").claims();
    assert_eq!(claims["act"], acting(&["spiffe://example/api"]));
    assert_eq!(claims["client_id"], "api");
}

#[test]
fn each_that_goes_on_with_it_is_added() {
    let fixture = Fixture::exchanging();
    fixture.register("db", |client| {
        may_present(client);
        client.audience = vec![DB.into()];
        client.resources = vec![DB.into()];
    });
    let both = of_front().claim("aud", json!([API, DB]));
    let first = fixture.exchange_one(&both, "&resource=https://db.example");
    let first = first.json()["access_token"].as_str().unwrap().to_owned();
    let second = fixture
        .exchange("db", &subject(&first, ACCESS_TOKEN))
        .claims();
    assert_eq!(second["act"], acting(&["db", "api"]));
    assert_eq!(
        (&second["sub"], &second["client_id"]),
        (&json!("front"), &json!("db"))
    );
    // Whoever got it cannot hide who came before.
    fixture.register("db", |client| {
        may_present(client);
        client.audience = vec![DB.into()];
        client.resources = vec![DB.into()];
        client.may_impersonate = true;
    });
    let second = fixture
        .exchange("db", &subject(&first, ACCESS_TOKEN))
        .claims();
    assert_eq!(second["act"], acting(&["api"]));
}

#[test]
fn eight_may_act_one_for_another_and_not_nine() {
    let fixture = Fixture::exchanging();
    let refused = (400, "invalid_request".to_owned());
    let reason = "more than 8 would act one for another";
    for (before, is_good) in [
        (0, true),
        (1, true),
        (7, true),
        (8, false),
        (9, false),
        (50, false),
    ] {
        let token = of_front().claim("act", chain(before));
        let answer = fixture.exchange_one(&token, "");
        match is_good {
            true => assert_eq!(answer.status(), 200, "{before}: {}", answer.reason()),
            false => {
                assert_eq!(answer.error(), refused, "{before}");
                assert_eq!(answer.reason(), reason, "{before}");
            }
        }
    }
    // Where nobody is added, eight are not too many, of whoever's making.
    fixture.register_api(|client| client.may_impersonate = true);
    for token in [
        subject(&by_idp().claim("act", chain(8)).text(), JWT),
        held(&of_front().claim("act", chain(8))),
    ] {
        assert_eq!(fixture.exchange("api", &token).status(), 200);
    }
    for token in [
        subject(&by_idp().claim("act", chain(9)).text(), JWT),
        held(&of_front().claim("act", chain(9))),
    ] {
        let answer = fixture.exchange("api", &token);
        assert_eq!(answer.error(), refused);
        assert_eq!(answer.reason(), reason);
    }
}

#[test]
fn may_act_names_who_alone_may_act() {
    let fixture = Fixture::exchanging();
    let admin = by_idp().claim("sub", "admin").text();
    let none = String::new();
    let by_admin = actor(&admin, JWT);
    let by_own = actor(&own().text(), ACCESS_TOKEN);
    for (name, may_act, more, is_good) in [
        // Without an `iss` it is a subject of the issuer that says so.
        ("the client's name", json!({ "sub": "api" }), &none, false),
        (
            "the client here",
            json!({ "sub": "api", "iss": ISSUER }),
            &none,
            true,
        ),
        (
            "more that says who",
            json!({ "sub": "api", "iss": ISSUER, "email": "a@example" }),
            &none,
            true,
        ),
        (
            "the client elsewhere",
            json!({ "sub": "api", "iss": IDP }),
            &none,
            false,
        ),
        ("another", json!({ "sub": "front" }), &none, false),
        ("in upper case", json!({ "sub": "API" }), &none, false),
        (
            "the client by its own token",
            json!({ "sub": "api", "iss": ISSUER }),
            &by_own,
            true,
        ),
        (
            "another by its own token",
            json!({ "sub": "admin" }),
            &by_own,
            false,
        ),
        (
            "the issuer's admin",
            json!({ "sub": "admin", "iss": IDP }),
            &by_admin,
            true,
        ),
        ("an admin", json!({ "sub": "admin" }), &by_admin, true),
        (
            "the admin by the name here",
            json!({ "sub": "idp:admin" }),
            &by_admin,
            false,
        ),
        (
            "an admin of the realm",
            json!({ "sub": "admin", "iss": ISSUER }),
            &by_admin,
            false,
        ),
        (
            "the client, not the admin",
            json!({ "sub": "api" }),
            &by_admin,
            false,
        ),
        ("nobody", json!({}), &none, false),
        ("an issuer alone", json!({ "iss": ISSUER }), &none, false),
        ("null", Value::Null, &none, false),
        ("a text", json!("api"), &none, false),
        ("a list", json!([{ "sub": "api" }]), &none, false),
        ("a number", json!({ "sub": 1 }), &none, false),
        (
            "a list of subjects",
            json!({ "sub": ["api"] }),
            &none,
            false,
        ),
        (
            "an issuer that is a list",
            json!({ "sub": "api", "iss": [ISSUER] }),
            &none,
            false,
        ),
        (
            "an issuer that is null",
            json!({ "sub": "api", "iss": null }),
            &none,
            false,
        ),
    ] {
        let form = subject(&by_idp().claim("may_act", may_act).text(), JWT);
        // Whoever may hide who acts is bound by it as well.
        for may_impersonate in [false, true] {
            fixture.register_api(|client| client.may_impersonate = may_impersonate);
            let answer = fixture.exchange("api", &format!("{form}{more}"));
            match is_good {
                true => {
                    assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
                    assert_eq!(answer.claims().get("may_act"), None, "{name}");
                }
                false => {
                    assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
                    let reason = "may_act of the subject_token names another";
                    assert_eq!(answer.reason(), reason, "{name}");
                }
            }
        }
    }
}
