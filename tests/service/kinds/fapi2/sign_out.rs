//! OpenID Connect RP-Initiated Logout: the family ends, and by way of the login application the person's
//! sign-in there; without a hint the person is asked, and nobody is signed out by a link.

use super::*;
use edge_token::store::Limiter;

const LOGOUT_URL: &str = "https://login.example/bye?realm=default";
const BYE: &str = "https://app.example/bye";
const NOTHING: &str = "Nothing was ended";

fn with_logout_url() -> People {
    People::with(json!({ "logout_url": LOGOUT_URL }))
}

fn tokens(people: &People) -> Answer {
    people.redeem(&people.code("app", "&scope=openid", json!({})), "")
}

fn end(people: &People, query: &str) -> Answer {
    people.send(&Request {
        method: "GET",
        path: "/logout",
        query,
        ..Request::default()
    })
}

/// Asks as the login application who signs out.
fn read(people: &People, ticket: &str) -> Answer {
    people.send(&Request {
        authorization: Some(&basic("login", SECRET)),
        content_type: Some("application/json"),
        ..post("/logout/ticket", &json!({ "ticket": ticket }).to_string())
    })
}

/// The ticket with which a browser is sent to the login application.
fn ticket(answer: &Answer) -> String {
    assert_eq!(answer.status(), 303, "{}", answer.response.body);
    let location = answer.header("location").unwrap();
    assert!(
        location.starts_with(&format!("{LOGOUT_URL}&ticket=")),
        "{location}"
    );
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.location("ticket").unwrap()
}

/// Whether the family has ended.
fn is_signed_out(people: &People, tokens: &Answer) -> bool {
    let is_out = people.userinfo(&tokens.text("access_token")).status() == 401;
    if is_out {
        let refreshed = people.refresh(&tokens.text("refresh_token"), "");
        assert_eq!(refreshed.error(), invalid_grant());
    }
    is_out
}

#[test]
fn the_login_application_hears_who_signs_out_and_where_they_go() {
    let people = with_logout_url();
    let bye = encoded(BYE);
    for (more, redirect_to) in [
        (
            format!("&post_logout_redirect_uri={bye}&state=s%261"),
            format!("{BYE}?state=s%261"),
        ),
        (format!("&post_logout_redirect_uri={bye}"), BYE.to_owned()),
        (String::new(), format!("{ISSUER}/logout/done")),
        // A state goes to a client or nowhere.
        ("&state=s1".to_owned(), format!("{ISSUER}/logout/done")),
    ] {
        let tokens = tokens(&people);
        let hint = tokens.text("id_token");
        let answer = end(&people, &format!("id_token_hint={hint}{more}"));
        let ticket = ticket(&answer);
        assert_eq!(answer.log()["outcome"], "ended");
        assert_eq!(answer.log()["family"], claims_of(&hint)["sid"]);
        // The family has ended, whatever the login application does.
        assert!(is_signed_out(&people, &tokens));
        let told = read(&people, &ticket);
        assert_eq!(
            told.json(),
            json!({ "sub": "1302", "client_id": "app", "redirect_to": redirect_to })
        );
        assert_eq!(told.header("cache-control"), Some("no-store"));
        // A page that is loaded again asks again.
        assert_eq!(read(&people, &ticket).json(), told.json());
    }
    let by_form = {
        let hint = tokens(&people).text("id_token");
        people.send(&post("/logout", &format!("id_token_hint={hint}")))
    };
    assert_eq!(read(&people, &ticket(&by_form)).status(), 200);
    let done = people.send(&Request {
        method: "GET",
        path: "/logout/done",
        ..Request::default()
    });
    assert_eq!(done.status(), 200);
    assert!(done.response.body.contains("You are signed out"));
}

#[test]
fn a_ticket_lives_five_minutes_and_is_its_realms() {
    let other_issuer = "https://auth.example/realms/other";
    let realms = json!({
        "default": {
            "issuer": ISSUER, "login_url": LOGIN_URL, "login_clients": ["login"],
            "logout_url": LOGOUT_URL,
        },
        "other": {
            "issuer": other_issuer, "login_url": LOGIN_URL, "login_clients": ["login"],
            "logout_url": LOGOUT_URL,
        },
    });
    let mut people = with_logout_url();
    people.fixture.service = Fixture::configured(realms, &secrets()).service;
    people
        .fixture
        .register_in("other", "login", |client| client.grant_types.clear());
    let hint = tokens(&people).text("id_token");
    let ticket = ticket(&end(&people, &format!("id_token_hint={hint}")));
    people.place = |path| format!("/realms/other{path}");
    assert_eq!(read(&people, &ticket).error(), invalid_grant());
    people.place = |path| format!("/realms/default{path}");
    people.later(299);
    assert_eq!(read(&people, &ticket).status(), 200);
    people.later(1);
    assert_eq!(read(&people, &ticket).error(), invalid_grant());
    assert_eq!(read(&people, &ticket).error(), invalid_grant());
}

#[test]
fn only_a_login_application_reads_tickets_and_only_real_ones() {
    let people = with_logout_url();
    let hint = tokens(&people).text("id_token");
    let good = ticket(&end(&people, &format!("id_token_hint={hint}")));
    let ask = |authorization: Option<&str>, body: &str| {
        people.send(&Request {
            authorization,
            content_type: Some("application/json"),
            ..post("/logout/ticket", body)
        })
    };
    let body = json!({ "ticket": good }).to_string();
    let (login, app) = (basic("login", SECRET), basic("app", SECRET));
    assert_eq!(ask(None, &body).error(), (401, "invalid_client".into()));
    let wrong = basic("login", "wrong");
    assert_eq!(
        ask(Some(&wrong), &body).error(),
        (401, "invalid_client".into())
    );
    assert_eq!(
        ask(Some(&app), &body).error(),
        (400, "unauthorized_client".into())
    );
    for (body, error) in [
        (json!({}), "invalid_request"),
        (json!({ "ticket": 1 }), "invalid_request"),
        (json!({ "ticket": good, "sub": "1" }), "invalid_request"),
        (json!({ "ticket": "" }), "invalid_grant"),
        (json!({ "ticket": format!("{good}A") }), "invalid_grant"),
        (
            json!({ "ticket": format!("{}{}", &good[..21], "A".repeat(43)) }),
            "invalid_grant",
        ),
    ] {
        assert_eq!(
            ask(Some(&login), &body.to_string()).error(),
            (400, error.into()),
            "{body}"
        );
    }
    // The ticket of a sign-in is none of a sign-out, and the reverse.
    let asked = people.ask("app", "");
    let body = json!({ "ticket": asked.ticket }).to_string();
    assert_eq!(ask(Some(&login), &body).error(), invalid_grant());
    for path in ["ticket", "accept"] {
        let answer = people.send(&Request {
            authorization: Some(&login),
            content_type: Some("application/json"),
            ..post(
                &format!("/authorize/{path}"),
                &match path {
                    "ticket" => json!({ "ticket": good }).to_string(),
                    _ => json!({ "ticket": good, "sub": "1" }).to_string(),
                },
            )
        });
        assert_eq!(answer.error(), invalid_grant(), "{path}");
    }
    assert_eq!(read(&people, &good).status(), 200);
    let get = people.send(&Request {
        method: "GET",
        path: "/logout/ticket",
        ..Request::default()
    });
    assert_eq!(get.status(), 405);
}

#[test]
fn a_family_that_has_ended_is_no_reason_to_stay_signed_in() {
    let mut people = with_logout_url();
    let tokens = tokens(&people);
    let hint = tokens.text("id_token");
    let query = format!("id_token_hint={hint}");
    // Twice at once, as by two windows: each has a ticket that is good.
    let first = ticket(&end(&people, &query));
    let again = end(&people, &query);
    assert_eq!(again.reason(), "unknown code, ticket or token");
    let second = ticket(&again);
    assert_ne!(first, second);
    for ticket in [first, second] {
        assert_eq!(read(&people, &ticket).json()["sub"], "1302");
    }
    // And long after the hint has expired.
    people.later(10_000_000);
    let ticket = ticket(&end(&people, &query));
    let told = read(&people, &ticket).json();
    assert_eq!(
        (&told["sub"], &told["client_id"]),
        (&json!("1302"), &json!("app"))
    );
}

#[test]
fn a_hint_that_is_wrong_ends_nothing_and_goes_nowhere() {
    let people = with_logout_url();
    let tokens = tokens(&people);
    let hint = tokens.text("id_token");
    let (head, signature) = hint.rsplit_once('.').unwrap();
    let modified = format!("{head}.{}", signature.replace(&signature[..4], "AAAA"));
    for query in [
        "id_token_hint=x".to_owned(),
        format!("id_token_hint={modified}"),
        format!("id_token_hint={}", tokens.text("access_token")),
        format!("id_token_hint={hint}&client_id=spa"),
        format!("id_token_hint={hint}&post_logout_redirect_uri=https%3A%2F%2Fevil.example"),
        format!(
            "id_token_hint={hint}&post_logout_redirect_uri={}",
            encoded(&format!("{BYE}?a=b"))
        ),
    ] {
        let answer = end(&people, &query);
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(answer.header("location"), None);
        assert!(!is_signed_out(&people, &tokens), "{query}");
    }
}

#[test]
fn without_a_hint_the_login_application_asks_the_person() {
    let people = with_logout_url();
    let tokens = tokens(&people);
    let bye = encoded(BYE);
    for query in [
        String::new(),
        "state=s1".to_owned(),
        "client_id=app".to_owned(),
        format!("client_id=app&post_logout_redirect_uri={bye}&state=s1"),
        format!("post_logout_redirect_uri={bye}"),
        "post_logout_redirect_uri=https%3A%2F%2Fevil.example".to_owned(),
        "id_token_hint=".to_owned(),
        "client_id=nobody".to_owned(),
    ] {
        for answer in [end(&people, &query), people.send(&post("/logout", &query))] {
            // As it is configured: no ticket, and nothing of the request.
            assert_eq!(answer.status(), 303, "{query}");
            assert_eq!(answer.header("location"), Some(LOGOUT_URL), "{query}");
            assert_eq!(answer.log()["outcome"], "asked");
        }
    }
    assert!(!is_signed_out(&people, &tokens));
}

#[test]
fn without_a_hint_and_a_logout_url_the_page_tells_the_truth() {
    let people = People::new();
    let tokens = tokens(&people);
    let bye = encoded(BYE);
    for query in [
        String::new(),
        "state=s1".to_owned(),
        format!("client_id=app&post_logout_redirect_uri={bye}"),
        format!("post_logout_redirect_uri={bye}"),
    ] {
        let answer = end(&people, &query);
        assert_eq!((answer.status(), answer.header("location")), (200, None));
        assert!(answer.response.body.contains(NOTHING), "{query}");
        assert!(answer.response.body.contains("id_token_hint"));
        assert!(!answer.response.body.contains("You are signed out"));
        assert_eq!(answer.log()["outcome"], "refused");
        assert_eq!(answer.reason(), "no id_token_hint: nothing was ended");
    }
    assert!(!is_signed_out(&people, &tokens));
    for path in ["/logout/ticket", "/logout/done"] {
        let answer = people.send(&Request {
            method: "GET",
            path,
            ..Request::default()
        });
        assert_eq!(answer.error(), (404, "not_found".into()), "{path}");
    }
}

#[test]
fn a_client_of_keycloak_still_ends_by_its_refresh_token() {
    let mut people = People::with(json!({ "dialect": "keycloak", "logout_url": LOGOUT_URL }));
    people.place = |path| match path.strip_prefix("/authorize") {
        Some(under) => format!("/realms/default/protocol/openid-connect/auth{under}"),
        None => format!("/realms/default/protocol/openid-connect{path}"),
    };
    let tokens = tokens(&people);
    let form = format!("refresh_token={}", tokens.text("refresh_token"));
    let ended = people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post("/logout", &form)
    });
    assert_eq!(ended.status(), 204);
    let hint = tokens.text("id_token");
    let told = read(
        &people,
        &ticket(&end(&people, &format!("id_token_hint={hint}"))),
    );
    assert_eq!(
        told.json()["redirect_to"],
        format!("{ISSUER}/protocol/openid-connect/logout/done")
    );
}

#[test]
fn storage_that_fails_is_a_503_and_trying_again_works() {
    let people = with_logout_url();
    let tokens = tokens(&people);
    let query = format!("id_token_hint={}", tokens.text("id_token"));
    people.fixture.store.fail_acts(Some(StoreError::Timeout));
    let failed = end(&people, &query);
    assert_eq!((failed.status(), failed.header("location")), (503, None));
    people.fixture.store.fail_acts(None);
    let ticket = ticket(&end(&people, &query));
    assert!(is_signed_out(&people, &tokens));
    people.fixture.store.fail_acts(Some(StoreError::Timeout));
    assert_eq!(
        read(&people, &ticket).error(),
        (503, "temporarily_unavailable".into())
    );
}

#[test]
fn a_logout_url_that_cannot_be_is_a_configuration_error() {
    for (more, reason) in [
        (
            json!({ "login_url": LOGIN_URL, "login_clients": ["login"], "logout_url": "http://login.example/bye" }),
            "member `logout_url` must be https, or http on loopback",
        ),
        (
            json!({ "login_url": LOGIN_URL, "login_clients": ["login"], "logout_url": "com.example:/bye" }),
            "member `logout_url` must be https, or http on loopback",
        ),
        (
            json!({ "login_url": LOGIN_URL, "login_clients": ["login"], "logout_url": "http.example:/bye" }),
            "member `logout_url` must be https, or http on loopback",
        ),
        (
            json!({ "login_url": LOGIN_URL, "login_clients": ["login"], "logout_url": 1 }),
            "member `logout_url` must be",
        ),
        (
            json!({ "logout_url": LOGOUT_URL }),
            "member `login_url` must be there, since `logout_url` is",
        ),
    ] {
        let mut realm = more;
        realm["issuer"] = json!(ISSUER);
        let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
        let answer = fixture.token("");
        assert_eq!(answer.error(), (503, "temporarily_unavailable".into()));
        assert!(answer.reason().contains(reason), "{}", answer.reason());
    }
}

/// Each sign-out stores something, and a hint stays good for ever.
#[test]
fn sign_outs_are_counted_for_the_client_and_the_address() {
    let people = with_logout_url();
    let hint = tokens(&people).text("id_token");
    let query = format!("id_token_hint={hint}");
    let from = |address: &str| {
        people.send(&Request {
            method: "GET",
            path: "/logout",
            query: &query,
            client_address: Some(address),
            ..Request::default()
        })
    };
    people.fixture.store.limit(Limiter::Rate, Ok(2));
    assert_eq!(from("192.0.2.1").status(), 303);
    assert_eq!(from("192.0.2.1").status(), 303);
    let families = people.fixture.store.families();
    let refused = from("192.0.2.1");
    assert_eq!((refused.status(), refused.header("location")), (429, None));
    assert_eq!(people.fixture.store.families(), families);
    assert_eq!(from("192.0.2.2").status(), 303);
}
