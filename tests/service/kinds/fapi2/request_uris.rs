//! RFC 9126 §4, FAPI 2.0 §5.3.2.2: a request URI is used up when the person has signed in, and not
//! before. Reloads, previews of links and the back button come in between.

use super::*;
use edge_token::time::Seconds;

fn pushed(people: &People) -> Answer {
    let pushed = people.push("app", &format!("&scope=openid{PKCE}"));
    assert_eq!(pushed.status(), 201, "{}", pushed.reason());
    pushed
}

fn is_open(people: &People, asked: &Asked) -> bool {
    let answer = people.login("/authorize/ticket", &json!({ "ticket": asked.ticket }));
    match answer.status() {
        200 => true,
        _ => {
            assert_eq!(answer.error(), invalid_grant());
            false
        }
    }
}

/// The code that a browser brings to the client with the decision on that ticket.
fn code_of(people: &People, asked: &Asked) -> Option<String> {
    let answer = people.resume(asked);
    if answer.status() != 303 {
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.header("location"), None);
    }
    answer.location("code")
}

#[test]
fn a_reload_gets_a_new_ticket_and_the_same_cookie() {
    let people = People::new();
    let pushed = pushed(&people);
    let first = Asked::read(&people.visit("app", &pushed, None));
    let second = Asked::read(&people.visit("app", &pushed, Some(&first.cookie)));
    let other_cookies = format!("a=b; {}; c=d", second.cookie);
    let third = Asked::read(&people.visit("app", &pushed, Some(&other_cookies)));
    assert_ne!(first.ticket, second.ticket);
    assert_eq!(
        (&first.cookie, &first.cookie),
        (&second.cookie, &third.cookie)
    );
    for asked in [&first, &second, &third] {
        assert!(is_open(&people, asked));
    }
    // The page that the back button shows may be the older one.
    assert_eq!(people.accept(&first, json!({})).status(), 200);
    assert!(code_of(&people, &first).is_some());
}

#[test]
fn a_preview_of_the_link_leaves_the_person_able_to_sign_in() {
    let people = People::new();
    let pushed = pushed(&people);
    let previews = (0..3).map(|_| Asked::read(&people.visit("app", &pushed, None)));
    let previews = previews.collect::<Vec<_>>();
    let person = Asked::read(&people.visit("app", &pushed, None));
    assert_eq!(people.accept(&person, json!({})).status(), 200);
    // Neither the URI nor another ticket is good any more.
    let late = people.visit("app", &pushed, None);
    assert_eq!((late.status(), late.header("location")), (400, None));
    assert_eq!(late.reason(), "unknown code, ticket or token");
    for preview in &previews {
        assert!(!is_open(&people, preview));
        assert_eq!(people.accept(preview, json!({})).error(), invalid_grant());
    }
    // Only the browser whose ticket it was goes on.
    let decision = people.decision(&person);
    for cookie in previews.iter().map(|preview| Some(&*preview.cookie)) {
        let answer = people.resume_with(&decision, cookie);
        assert_eq!((answer.status(), answer.header("location")), (400, None));
        assert_eq!(answer.reason(), "not the browser that began");
    }
    assert_eq!(people.resume_with(&decision, None).status(), 400);
    let code = code_of(&people, &person).unwrap();
    let tokens = people.redeem(&code, &format!("&code_verifier={VERIFIER}"));
    assert_eq!(tokens.status(), 200, "{}", tokens.reason());
}

#[test]
fn a_person_who_declines_has_decided_too() {
    let people = People::new();
    let pushed = pushed(&people);
    let first = Asked::read(&people.visit("app", &pushed, None));
    let second = Asked::read(&people.visit("app", &pushed, None));
    let body = json!({ "ticket": second.ticket, "error": "access_denied" });
    assert_eq!(people.login("/authorize/reject", &body).status(), 200);
    assert_eq!(people.visit("app", &pushed, None).status(), 400);
    assert!(!is_open(&people, &first));
    let resumed = people.resume(&second);
    assert_eq!(resumed.location("error").as_deref(), Some("access_denied"));
}

#[test]
fn the_uri_lives_90_seconds_and_a_ticket_half_an_hour() {
    let mut people = People::new();
    let pushed = pushed(&people);
    people.later(89);
    let asked = Asked::read(&people.visit("app", &pushed, None));
    people.later(1);
    let late = people.visit("app", &pushed, Some(&asked.cookie));
    assert_eq!(late.status(), 400);
    assert_eq!(late.reason(), "code, ticket or token has expired");
    people.later(30 * 60 - 2);
    assert!(is_open(&people, &asked));
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    assert!(code_of(&people, &asked).is_some());
    let asked = Asked::read(&people.visit("app", &self::pushed(&people), None));
    people.fixture.now = people.fixture.now.plus(Seconds(30 * 60));
    assert!(!is_open(&people, &asked));
}

#[test]
fn eight_visits_are_kept_and_the_oldest_goes_first() {
    let people = People::new();
    let pushed = pushed(&people);
    let visits = (0..9).map(|_| Asked::read(&people.visit("app", &pushed, None)));
    let visits = visits.collect::<Vec<_>>();
    for (at, asked) in visits.iter().enumerate() {
        assert_eq!(is_open(&people, asked), at > 0, "{at}");
    }
}

#[test]
fn a_uri_that_was_visited_is_still_its_clients_alone() {
    let people = People::new();
    people.register("other", |_| ());
    let pushed = pushed(&people);
    let asked = Asked::read(&people.visit("app", &pushed, None));
    for id in ["other", "spa", "nobody"] {
        let answer = people.visit(id, &pushed, Some(&asked.cookie));
        assert_eq!((answer.status(), answer.header("location")), (400, None));
    }
    // A cookie of nobody's making does not become a browser's.
    let name = asked.cookie.split_once('=').unwrap().0;
    let forged = format!("{name}={}", "A".repeat(43));
    let other = Asked::read(&people.visit("app", &pushed, Some(&forged)));
    assert_ne!(other.cookie, forged);
    assert_eq!(people.accept(&other, json!({})).status(), 200);
    let decision = people.decision(&other);
    assert_eq!(people.resume_with(&decision, Some(&forged)).status(), 400);
    assert!(code_of(&people, &other).is_some());
}

/// A request that was not pushed has one ticket, as ever.
#[test]
fn two_direct_requests_are_two_sign_ins() {
    let people = People::new();
    let (first, second) = (people.ask("app", PKCE), people.ask("app", PKCE));
    for asked in [&first, &second] {
        assert_eq!(people.accept(asked, json!({})).status(), 200);
    }
    let codes = [code_of(&people, &first), code_of(&people, &second)];
    assert!(codes[0].is_some() && codes[0] != codes[1]);
}
