//! RFC 9126 §4: a pushed request's URI is used up by a decision, not by a visit.

use edge_token::family::act::{Look, Visitor};
use edge_token::json::Json;
use serde_json::Value;

use super::*;

/// A visit that gets a ticket and a cookie, and brings one.
fn visit(ticket: u8, browser: u8, cookie: Option<u8>, until: u64) -> Ask {
    Ask {
        ticket: secret(ticket).hash(),
        browser: secret(browser).hash(),
        cookie: cookie.map(secret),
        expires_at: at(until),
        ..ask()
    }
}

fn look(ticket: u8) -> Look {
    let ticket = secret(ticket);
    Look { ticket }
}

fn decide_on(ticket: u8) -> Decide {
    Decide {
        ticket: secret(ticket),
        decision: accepted("ann", None),
    }
}

fn come_back(decided: &Secret, browser: u8) -> Resume {
    Resume {
        browser: secret(browser),
        ..resume(decided)
    }
}

#[test]
fn a_pushed_request_is_for_its_own_client_until_it_ends() {
    let mut family = Some(pushed(request(), at(60)));
    let client_id = client("other");
    let other = Ask { client_id, ..ask() };
    refuses(&family, other, 0, Refusal::OtherClient);
    let request_uri = secret(STRANGE);
    let forged = Ask {
        request_uri,
        ..ask()
    };
    refuses(&family, forged, 0, Refusal::Unknown);
    ends(&family, ask(), 60, Refusal::Expired);
    // A visit does not prolong the URI, but the person may take their time.
    does(&mut family, visit(21, 31, None, 600), 59);
    refuses(&family, ask(), 60, Refusal::Expired);
    does(&mut family, look(21), 599);
    ends(&family, look(21), 600, Refusal::Expired);
}

#[test]
fn each_visit_has_a_ticket_and_the_first_decision_ends_the_others() {
    for (decided, browser, other) in [(21, 31, 22), (22, 32, 21)] {
        let mut family = Some(pushed(request(), at(90)));
        assert_eq!(does(&mut family, visit(21, 31, None, 600), 0), Visitor::New);
        assert_eq!(
            does(&mut family, visit(22, 32, None, 700), 10),
            Visitor::New
        );
        for ticket in [21, 22] {
            assert_eq!(does(&mut family, look(ticket), 20).request, request());
        }
        let resumes = does(&mut family, decide_on(decided), 20);
        // The URI, and the other ticket.
        refuses(&family, visit(23, 33, None, 700), 20, Refusal::Unknown);
        refuses(&family, look(other), 20, Refusal::Unknown);
        refuses(&family, decide_on(other), 20, Refusal::Unknown);
        refuses(&family, look(decided), 20, Refusal::Decided);
        // Only the browser whose ticket it was goes on.
        for strange in [33, 63 - browser] {
            refuses(
                &family,
                come_back(&resumes, strange),
                20,
                Refusal::OtherBrowser,
            );
        }
        does(&mut family, come_back(&resumes, browser), 20)
            .code
            .unwrap();
    }
}

#[test]
fn a_rejection_uses_it_up_as_well() {
    let mut family = Some(pushed(request(), at(90)));
    does(&mut family, visit(21, 31, None, 600), 0);
    does(&mut family, visit(22, 32, None, 600), 0);
    let decision = rejected("access_denied");
    let ticket = secret(21);
    does(&mut family, Decide { ticket, decision }, 0);
    refuses(&family, visit(23, 33, None, 600), 0, Refusal::Unknown);
    refuses(&family, decide_on(22), 0, Refusal::Unknown);
}

#[test]
fn a_browser_that_comes_again_keeps_its_cookie_and_can_go_on_with_either_ticket() {
    for decided in [21, 22, 23] {
        let mut family = Some(pushed(request(), at(90)));
        assert_eq!(does(&mut family, visit(21, 31, None, 600), 0), Visitor::New);
        // The cookie that it would get is not the one that counts.
        assert_eq!(
            does(&mut family, visit(22, 32, Some(31), 600), 0),
            Visitor::Known
        );
        // One that was never given is no one's, and does not become anyone's.
        assert_eq!(
            does(&mut family, visit(23, 33, Some(44), 600), 0),
            Visitor::New
        );
        let resumes = does(&mut family, decide_on(decided), 0);
        let (own, others) = match decided {
            23 => (33, [31, 44]),
            _ => (31, [32, 33]),
        };
        for other in others {
            let act = come_back(&resumes, other);
            refuses(&family, act, 0, Refusal::OtherBrowser);
        }
        does(&mut family, come_back(&resumes, own), 0).code.unwrap();
    }
}

#[test]
fn the_oldest_of_many_visits_is_dropped() {
    let mut family = Some(pushed(request(), at(90)));
    for octet in 1..=9 {
        does(&mut family, visit(20 + octet, 30 + octet, None, 600), 0);
    }
    refuses(&family, look(21), 0, Refusal::Unknown);
    for ticket in 22..=29 {
        does(&mut family, look(ticket), 0);
    }
    // What is sent twice counts once.
    let before = family.clone();
    does(&mut family, visit(29, 39, None, 600), 0);
    assert_eq!(family, before);
    let stored = family.to_text();
    assert!(stored.len() < 3000, "{}", stored.len());
    for octet in 21..=39 {
        assert!(!stored.contains(&secret(octet).reveal()));
    }
}

#[test]
fn a_visit_ends_by_itself_while_others_go_on() {
    let mut family = Some(pushed(request(), at(90)));
    does(&mut family, visit(21, 31, None, 100), 0);
    does(&mut family, visit(22, 32, None, 130), 80);
    refuses(&family, look(21), 100, Refusal::Expired);
    refuses(&family, decide_on(21), 100, Refusal::Expired);
    does(&mut family, look(22), 129);
    let decision = rejected("access_denied");
    let ticket = secret(22);
    let resumes = does(&mut family, Decide { ticket, decision }, 129);
    ends(&family, come_back(&resumes, 32), 130, Refusal::Expired);
}

/// Before there were visits, a pushed request had none of them, and a ticket that came of one a family
/// of its own stage; requests had no response mode.
#[test]
fn what_earlier_versions_stored_goes_on() {
    let mut stored = Some(pushed(request(), at(90))).to_json();
    let members = stored["stage"]["Pushed"].as_object_mut().unwrap();
    assert_eq!(members.remove("visits"), Some(json!([])));
    let request_members = members["request"].as_object_mut().unwrap();
    assert_eq!(
        request_members.remove("response_mode"),
        Some(json!("query"))
    );
    let mut family = Option::<Family>::from_json(stored).unwrap();
    assert_eq!(family, Some(pushed(request(), at(90))));
    // The act of an earlier version brings no cookie.
    let mut act = visit(21, 31, None, 600).to_json();
    assert_eq!(
        act.as_object_mut().unwrap().remove("cookie"),
        Some(Value::Null)
    );
    let answer = act::decide("ask", &act.to_string(), &mut family, at(0));
    assert_eq!(answer.as_deref(), Some(r#"{"Ok":null}"#));
    does(&mut family, decide_on(21), 0);

    let mut stored = Some(asked(request(), at(60))).to_json();
    let members = stored["stage"]["Asked"]["request"].as_object_mut();
    members.unwrap().remove("response_mode").unwrap();
    let mut family = Option::<Family>::from_json(stored).unwrap();
    let resumes = does(&mut family, decide(accepted("ann", None)), 0);
    let resumed = does(&mut family, resume(&resumes), 0);
    assert_eq!(resumed.response_mode, ResponseMode::Query);
}
