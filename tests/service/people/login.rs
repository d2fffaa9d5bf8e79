//! docs/people.md: the login application, and the browser that goes there and comes back.

use super::*;

#[test]
fn the_browser_gets_a_cookie_of_this_host_alone_and_nothing_is_stored_or_referred() {
    let people = People::new();
    let query = "response_type=code&client_id=app";
    let answer = people.authorize(query);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-ticket-"), "{cookie}");
    for attribute in ["; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite=Lax"] {
        assert!(format!("{cookie};").contains(attribute), "{cookie}");
    }
    let location = answer.header("location").unwrap();
    assert!(
        location.starts_with("https://login.example/?realm=default&ticket="),
        "{location}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    // A second window has a cookie of its own.
    let other = people.authorize(query);
    let name = |cookie: &str| cookie.split('=').next().unwrap().to_owned();
    assert_ne!(name(cookie), name(other.header("set-cookie").unwrap()));
    // After the way back it goes.
    let asked = Asked::read(&answer);
    people.accept(&asked, json!({}));
    let cookie = people
        .resume(&asked)
        .header("set-cookie")
        .unwrap()
        .to_owned();
    assert!(cookie.contains("=; Path=/; Max-Age=0;"), "{cookie}");
}

#[test]
fn only_the_browser_that_began_goes_on() {
    let people = People::new();
    let asked = people.ask("app", "");
    let other = people.ask("app", "");
    // Whoever began cannot go on without what the deciding browser got, nor the other way round:
    // else they could let somebody else sign in for them.
    assert_eq!(
        people
            .resume_with(&asked.ticket, Some(&asked.cookie))
            .status(),
        400
    );
    people.accept(&asked, json!({}));
    assert_eq!(
        people
            .resume_with(&asked.ticket, Some(&asked.cookie))
            .status(),
        400
    );
    let decision = people.decision(&asked);
    let name = asked.cookie.split('=').next().unwrap();
    let other_value = other.cookie.split('=').nth(1).unwrap();
    for cookie in [
        None,
        Some(String::new()),
        Some(other.cookie.clone()),
        Some(format!("{name}={other_value}")),
        Some(format!("{name}=")),
        Some(format!("x{}", asked.cookie)),
    ] {
        let answer = people.resume_with(&decision, cookie.as_deref());
        assert_eq!(answer.status(), 400, "{cookie:?}");
        assert_eq!(answer.header("location"), None);
    }
    for wrong in ["", "x", &other.ticket, &asked.ticket] {
        let answer = people.resume_with(wrong, Some(&asked.cookie));
        assert_eq!(answer.status(), 400);
    }
    let among_others = format!("a=b; {}; c=d", asked.cookie);
    let first = people.resume_with(&decision, Some(&among_others));
    // A browser that comes twice gets the same code.
    let second = people.resume(&asked);
    assert_eq!(first.location("code"), second.location("code"));
    assert!(first.location("code").is_some());
}

#[test]
fn the_login_application_alone_decides_and_only_once() {
    let people = People::new();
    let asked = people.ask("app", "&scope=openid+email");
    let path = "/authorize/accept";
    let body = json!({ "ticket": asked.ticket, "sub": "1302" }).to_string();
    let json_post = |authorization, content_type| Request {
        authorization,
        content_type,
        ..post(path, &body)
    };
    let (app, wrong) = (basic("app", SECRET), basic("login", "wrong"));
    let login = basic("login", SECRET);
    for (request, expected) in [
        (
            json_post(Some(&app), Some("application/json")),
            (400, "unauthorized_client"),
        ),
        (
            json_post(Some(&wrong), Some("application/json")),
            (401, "invalid_client"),
        ),
        (
            json_post(None, Some("application/json")),
            (401, "invalid_client"),
        ),
        (
            json_post(Some(&login), Some("application/x-www-form-urlencoded")),
            (400, "invalid_request"),
        ),
        (
            Request {
                method: "GET",
                ..json_post(Some(&login), Some("application/json"))
            },
            (405, "invalid_request"),
        ),
    ] {
        let answer = people.send(&request);
        assert_eq!(answer.error(), (expected.0, expected.1.to_owned()));
    }
    for (more, error) in [
        (json!({ "sub": "" }), "invalid_request"),
        (json!({ "sub": 7 }), "invalid_request"),
        (json!({ "sub": null }), "invalid_request"),
        (json!({ "sub": "a\nb" }), "invalid_request"),
        (json!({ "sub": "a".repeat(256) }), "invalid_request"),
        (json!({ "sub": "ä" }), "invalid_request"),
        (
            json!({ "claims": { "a": [[[[[[[[[1]]]]]]]]] } }),
            "invalid_request",
        ),
        (json!({ "auth_time": (NOW + 61) }), "invalid_request"),
        (json!({ "claims": { "sub": "other" } }), "invalid_request"),
        (json!({ "claims": { "scope": "admin" } }), "invalid_request"),
        (json!({ "claims": [] }), "invalid_request"),
        (json!({ "auth_time": "1" }), "invalid_request"),
        (json!({ "acr": "" }), "invalid_request"),
        (json!({ "scope": " " }), "invalid_request"),
        (json!({ "scope": "openid read" }), "invalid_scope"),
        (json!({ "unknown": 1 }), "invalid_request"),
        (json!({ "ticket": "x" }), "invalid_grant"),
        (json!({ "ticket": 1 }), "invalid_request"),
        (json!({ "ticket": "A".repeat(64) }), "invalid_grant"),
    ] {
        assert_eq!(
            people.accept(&asked, more.clone()).error(),
            (400, error.into()),
            "{more}"
        );
    }
    for error in [json!(null), json!("x"), json!("invalid_request"), json!(1)] {
        let body = json!({ "ticket": asked.ticket, "error": error });
        assert_eq!(people.login("/authorize/reject", &body).error().0, 400);
    }
    assert_eq!(
        people.resume(&asked).status(),
        400,
        "nothing is decided yet"
    );
    assert_eq!(
        people.accept(&asked, json!({ "scope": "openid" })).status(),
        200
    );
    assert_eq!(
        people.accept(&asked, json!({ "scope": "openid" })).status(),
        200,
        "a retry"
    );
    assert_eq!(
        people.accept(&asked, json!({ "sub": "7" })).error(),
        invalid_grant()
    );
    let reject = json!({ "ticket": asked.ticket, "error": "access_denied" });
    assert_eq!(
        people.login("/authorize/reject", &reject).error(),
        invalid_grant()
    );
    let look = json!({ "ticket": asked.ticket });
    assert_eq!(
        people.login("/authorize/ticket", &look).error(),
        invalid_grant()
    );
    let code = people.resume(&asked).location("code").unwrap();
    assert_eq!(people.redeem(&code, "").text("scope"), "openid");
}

#[test]
fn a_rejection_reaches_the_client() {
    let people = People::new();
    let asked = people.ask("app", "&prompt=none");
    let reject = json!({ "ticket": asked.ticket, "error": "login_required" });
    assert_eq!(people.login("/authorize/reject", &reject).status(), 200);
    let resumed = people.resume(&asked);
    assert_eq!(resumed.location("error").as_deref(), Some("login_required"));
    assert_eq!(resumed.location("state").as_deref(), Some("s&t"));
    assert_eq!(resumed.location("iss").as_deref(), Some(ISSUER));
    assert_eq!(resumed.location("code"), None);
}

#[test]
fn max_age_is_kept() {
    let people = People::new();
    let asked = people.ask("app", "&max_age=100");
    let look = json!({ "ticket": asked.ticket });
    assert_eq!(
        people.login("/authorize/ticket", &look).json()["max_age"],
        100
    );
    for auth_time in [json!(null), json!(NOW - 161)] {
        let answer = people.accept(&asked, json!({ "auth_time": auth_time }));
        assert_eq!(
            answer.error(),
            (400, "invalid_request".into()),
            "{auth_time}"
        );
    }
    assert_eq!(
        people
            .accept(&asked, json!({ "auth_time": NOW - 160 }))
            .status(),
        200
    );
}
