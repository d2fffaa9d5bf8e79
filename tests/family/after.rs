//! What becomes of a family after its tokens are issued: what is told of it, and how it is revoked.

use edge_token::family::act::{InspectRefresh, RevokeRefresh};
use edge_token::json::Json;
use serde_json::Value;

use super::*;

fn inspect(token: &RefreshPart) -> InspectRefresh {
    InspectRefresh {
        token: token.clone(),
        grace: POLICY.grace,
    }
}

fn revoke(token: &RefreshPart) -> RevokeRefresh {
    RevokeRefresh {
        token: token.clone(),
        client_id: client("app"),
    }
}

/// The token with another member.
fn with(token: &RefreshPart, member: &str, value: impl Into<Value>) -> RefreshPart {
    let mut part = token.to_json();
    part[member] = value.into();
    RefreshPart::from_json(part).unwrap()
}

#[test]
fn a_family_tells_when_it_began_and_that_stays() {
    let family = asked(request(), at(60));
    let begin = act::Begin { family };
    let mut family = None;
    does(&mut family, begin.clone(), 7);
    let begun = family.clone();
    does(&mut family, begin.clone(), 9);
    assert_eq!(family, begun);
    let decided = does(&mut family, decide(accepted("ann", None)), 10);
    refuses(&family, begin, 10, Refusal::Unknown);
    let code = does(&mut family, resume(&decided), 11).code.unwrap();
    let redeemed = does(&mut family, redeem(&code), 12);
    assert_eq!(redeemed.begun_at, Some(at(7)));
    let token = redeemed.refresh.unwrap().part;
    let rotated = does(&mut family, refresh(&token), 20);
    assert_eq!(rotated.begun_at, Some(at(7)));
    let token = rotated.refresh.unwrap().part;
    assert_eq!(does(&mut family, inspect(&token), 30).begun_at, Some(at(7)));
    assert_eq!(does(&mut family, Show, 30).begun_at, Some(at(7)));
}

/// Of what earlier versions stored nobody knows when it began.
#[test]
fn a_family_of_old_goes_on() {
    let (family, token, _) = redeemed(SCOPE);
    let mut stored = family.to_json();
    stored.as_object_mut().unwrap().remove("begun_at").unwrap();
    let mut family = Option::<Family>::from_json(stored).unwrap();
    assert_eq!(does(&mut family, Show, 1).begun_at, None);
    rotates(&mut family, &token, 1);
}

/// Earlier versions did not keep what a code was redeemed with: a second use ends all, as it did then.
#[test]
fn a_family_of_old_ends_with_a_second_use_of_its_code_alone() {
    let (family, _, code) = redeemed(SCOPE);
    let mut stored = family.to_json();
    let granted = stored["stage"]["Granted"].as_object_mut().unwrap();
    granted.remove("binding").unwrap();
    let family = Option::<Family>::from_json(stored).unwrap();
    let mut act = redeem(&code);
    act.code_verifier = None;
    ends(&family, act, 1, Refusal::Replayed);
}

#[test]
fn inspecting_a_refresh_token_uses_nothing() {
    let (mut family, first, _) = redeemed(SCOPE);
    let told = does(&mut family, inspect(&first), 1);
    assert_eq!(told.client_id, client("app"));
    assert_eq!(told.grant.scope, scope(SCOPE));
    assert_eq!(told.expires_at, at(1000));
    let second = rotates(&mut family, &first, 5);
    let rotated = family.clone();
    // The one before can be used again for a while, for the answer that was lost.
    for seconds in [5, 14] {
        does(&mut family, inspect(&first), seconds);
        assert_eq!(
            does(&mut family, inspect(&second), seconds).expires_at,
            at(1005)
        );
    }
    assert_eq!(family, rotated);
    refuses(&family, inspect(&first), 15, Refusal::Expired);
    // Then it is a replay to use it, and none to ask.
    does(&mut family, refresh(&second), 15);
    refuses(&family, inspect(&first), 15, Refusal::Expired);
    refuses(&family, inspect(&second), 25, Refusal::Expired);
    let forged = inspect(&with(&second, "generation", 0));
    refuses(&family, forged, 15, Refusal::Unknown);
}

#[test]
fn a_refresh_token_that_is_idle_too_long_is_told_as_expired() {
    let (mut family, code) = coded(request(), Some("read"));
    let mut act = redeem(&code);
    act.access_until = at(120);
    let token = does(&mut family, act, 0).refresh.unwrap().part;
    does(&mut family, inspect(&token), 99);
    refuses(&family, inspect(&token), 100, Refusal::Expired);
    ends(&family, inspect(&token), 120, Refusal::Expired);
}

#[test]
fn whoever_has_ever_had_a_refresh_token_can_end_the_family() {
    let (mut family, first, _) = redeemed(SCOPE);
    let second = rotates(&mut family, &first, 5);
    let third = rotates(&mut family, &second, 6);
    for token in [&first, &second, &third] {
        let mut other = revoke(token);
        other.client_id = client("other");
        refuses(&family, other, 100, Refusal::OtherClient);
        let forged = revoke(&with(token, "proof", secret(STRANGE).to_json()));
        refuses(&family, forged, 100, Refusal::Unknown);
        let mut family = family.clone();
        does(&mut family, revoke(token), 100);
        assert_eq!(family, None);
        refuses(&family, revoke(token), 100, Refusal::Unknown);
    }
    // One that is still to come is none.
    let next = rotates(&mut family.clone(), &third, 7);
    refuses(&family, revoke(&next), 7, Refusal::Unknown);
    refuses(&family, inspect(&next), 7, Refusal::Unknown);
}
