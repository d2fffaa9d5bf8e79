//! Grant families: the rules that a reader would look for, a test each. `any_order` lets anything
//! happen in any order.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may stop at what they do not expect"
)]

mod after;
mod any_order;
mod formats;
mod model;
mod sign_out;
mod visits;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::family::act::{self, Act, Ask, Decide, Redeem, RefreshTokens, Resume, Show};
use edge_token::family::{
    AuthorizationRequest, Decision, Family, RefreshLifetimes, RefreshPart, RefreshPolicy, Refusal,
    ResponseMode, Secret,
};
use edge_token::name::ClientId;
use edge_token::person::Person;
use edge_token::proof::confirmation::Confirmation;
use edge_token::scope::ScopeSet;
use edge_token::time::{Seconds, UnixTime};
use serde_json::json;
use sha2::{Digest, Sha256};

const REDIRECT_URI: &str = "https://app.example/cb";
const SCOPE: &str = "read write offline_access";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const POLICY: RefreshPolicy = RefreshPolicy {
    online: lifetimes(100, 150),
    offline: lifetimes(1000, 1500),
    grace: Seconds(10),
};

// Secrets, by their octet.
const KEY: u8 = 1;
const REQUEST_URI: u8 = 2;
const TICKET: u8 = 3;
const COOKIE: u8 = 4;
const SEED: u8 = 5;
const STRANGE: u8 = 6;

const fn lifetimes(idle: u32, absolute: u32) -> RefreshLifetimes {
    let (idle, absolute) = (Seconds(idle), Seconds(absolute));
    RefreshLifetimes { idle, absolute }
}

/// So many seconds after the beginning.
fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(1_800_000_000 + seconds)
}

fn secret(octet: u8) -> Secret {
    Secret::new([octet; 32])
}

fn client(id: &str) -> ClientId {
    ClientId::parse(id).unwrap()
}

fn scope(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        redirect_uri: REDIRECT_URI.to_owned(),
        redirect_uri_given: true,
        state: Some("as it was".to_owned()),
        scope: scope(SCOPE),
        audience: vec!["https://api.example".to_owned()],
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        code_challenge: Some(CHALLENGE.to_owned()),
        dpop_jkt: None,
        prompt: None,
        max_age: Some(Seconds(60)),
        acr_values: None,
        login_hint: Some("ann@example.com".to_owned()),
        response_mode: ResponseMode::Query,
    }
}

fn allowed_audience() -> Vec<String> {
    ["https://api.example", "urn:allowed"]
        .map(str::to_owned)
        .to_vec()
}

fn accepted(sub: &str, granted: Option<&str>) -> Decision {
    let claims = json!({ "name": "Ann Ä", "address": { "country": "CH" }, "updated_at": -1 });
    let person = Person {
        sub: sub.to_owned(),
        claims: claims.as_object().unwrap().clone(),
        auth_time: Some(at(0)),
        acr: None,
    };
    let scope = granted.map(scope);
    Decision::Accepted { person, scope }
}

fn rejected(error: &str) -> Decision {
    Decision::Rejected {
        error: error.to_owned(),
    }
}

/// All within [`SCOPE`].
fn decisions() -> [Decision; 6] {
    [
        accepted("ann", None),
        accepted("ann", Some("read")),
        accepted("ann", Some("offline_access read")),
        accepted("bob", None),
        rejected("access_denied"),
        rejected("login_required"),
    ]
}

fn pushed(request: AuthorizationRequest, until: UnixTime) -> Family {
    let uri = secret(REQUEST_URI);
    Family::pushed(secret(KEY), client("app"), request, &uri, until)
}

fn asked(request: AuthorizationRequest, until: UnixTime) -> Family {
    let (ticket, browser) = (secret(TICKET), secret(COOKIE));
    let (key, client) = (secret(KEY), client("app"));
    Family::asked(key, client, request, &ticket, &browser, until)
}

fn ask() -> Ask {
    Ask {
        request_uri: secret(REQUEST_URI),
        client_id: client("app"),
        ticket: secret(TICKET).hash(),
        browser: secret(COOKIE).hash(),
        cookie: None,
        expires_at: at(60),
    }
}

fn decide(decision: Decision) -> Decide {
    let ticket = secret(TICKET);
    Decide { ticket, decision }
}

fn resume(decided: &Secret) -> Resume {
    Resume {
        resume: decided.clone(),
        browser: secret(COOKIE),
        code_ttl: Seconds(60),
    }
}

fn redeem(code: &Secret) -> Redeem {
    Redeem {
        code: code.clone(),
        client_id: client("app"),
        redirect_uri: Some(REDIRECT_URI.to_owned()),
        redirect_uri_optional: false,
        code_verifier: Some(VERIFIER.to_owned()),
        audience: vec![],
        allowed_audience: allowed_audience(),
        access_until: at(50),
        refresh: Some(POLICY),
        confirmation: Confirmation::default(),
        refresh_confirmation: Confirmation::default(),
    }
}

fn refresh(token: &RefreshPart) -> RefreshTokens {
    RefreshTokens {
        token: token.clone(),
        client_id: client("app"),
        scope: None,
        added_scope: None,
        audience: vec![],
        allowed_audience: allowed_audience(),
        access_until: at(50),
        policy: POLICY,
        confirmation: Confirmation::default(),
    }
}

/// A family whose code was just handed out, and the code.
fn coded(request: AuthorizationRequest, scope: Option<&str>) -> (Option<Family>, Secret) {
    let mut family = Some(asked(request, at(60)));
    let decided = does(&mut family, decide(accepted("ann", scope)), 0);
    let code = does(&mut family, resume(&decided), 0).code.unwrap();
    (family, code)
}

/// A family whose code was just redeemed, its refresh token, and the code.
fn redeemed(scope: &str) -> (Option<Family>, RefreshPart, Secret) {
    let (mut family, code) = coded(request(), Some(scope));
    let granted = does(&mut family, redeem(&code), 0);
    (family, granted.refresh.unwrap().part, code)
}

fn does<A: Act>(family: &mut Option<Family>, act: A, seconds: u64) -> A::Answer {
    act.decide(family, at(seconds)).unwrap()
}

/// The token's successor.
fn rotates(family: &mut Option<Family>, token: &RefreshPart, seconds: u64) -> RefreshPart {
    does(family, refresh(token), seconds).refresh.unwrap().part
}

/// The act is refused, and the family stays as it was.
fn refuses(family: &Option<Family>, act: impl Act, seconds: u64, refusal: Refusal) {
    let mut after = family.clone();
    let answer = act.decide(&mut after, at(seconds));
    assert_eq!(answer.err(), Some(refusal));
    assert_eq!(after, *family);
}

/// The act is refused, and the family gone, so that it is unknown from then on.
fn ends(family: &Option<Family>, act: impl Act, seconds: u64, refusal: Refusal) {
    let mut after = family.clone();
    let answer = act.clone().decide(&mut after, at(seconds));
    assert_eq!((answer.err(), &after), (Some(refusal), &None));
    refuses(&after, act, seconds, Refusal::Unknown);
}

#[test]
fn the_first_decision_stands() {
    for first in decisions() {
        let mut family = Some(asked(request(), at(60)));
        does(&mut family, decide(first.clone()), 0);
        for second in decisions() {
            if first == second {
                does(&mut family, decide(second), 0);
            } else {
                refuses(&family, decide(second), 0, Refusal::Decided);
            }
        }
    }
}

#[test]
fn a_rejection_is_told_until_the_ticket_ends() {
    let mut family = Some(asked(request(), at(60)));
    let decided = does(&mut family, decide(rejected("access_denied")), 0);
    for seconds in [0, 59] {
        let code = does(&mut family, resume(&decided), seconds).code;
        assert_eq!(code, Err("access_denied".to_owned()));
    }
    ends(&family, resume(&decided), 60, Refusal::Expired);
}

#[test]
fn resuming_again_gives_the_same_code_and_no_more_time() {
    let mut family = Some(asked(request(), at(60)));
    let decided = does(&mut family, decide(accepted("ann", None)), 0);
    let code = does(&mut family, resume(&decided), 0).code.unwrap();
    let mut again = family.clone();
    assert_eq!(
        does(&mut again, resume(&decided), 59).code,
        Ok(code.clone())
    );
    assert_eq!(again, family);
    ends(&again, redeem(&code), 60, Refusal::Expired);
    does(&mut again, redeem(&code), 59);
    refuses(&again, resume(&decided), 59, Refusal::Unknown);
}

#[test]
fn going_on_takes_the_cookie_of_who_began_and_the_secret_of_who_decided() {
    let mut family = Some(asked(request(), at(60)));
    refuses(&family, resume(&secret(TICKET)), 0, Refusal::Unknown);
    let decided = does(&mut family, decide(accepted("ann", None)), 0);
    refuses(&family, resume(&secret(TICKET)), 0, Refusal::Unknown);
    let browser = secret(STRANGE);
    let other = Resume {
        browser,
        ..resume(&decided)
    };
    refuses(&family, other, 0, Refusal::OtherBrowser);
    does(&mut family, resume(&decided), 0);
}

#[test]
fn max_age_needs_a_recent_sign_in() {
    let family = Some(asked(request(), at(600)));
    let mut nobody_knows = accepted("ann", None);
    if let Decision::Accepted { person, .. } = &mut nobody_knows {
        person.auth_time = None;
    }
    refuses(&family, decide(nobody_knows), 0, Refusal::AuthTime);
    // 60 seconds, and 60 that two clocks may be apart.
    refuses(
        &family,
        decide(accepted("ann", None)),
        121,
        Refusal::AuthTime,
    );
    does(&mut family.clone(), decide(accepted("ann", None)), 120);
    let mut in_milliseconds = accepted("ann", None);
    if let Decision::Accepted { person, .. } = &mut in_milliseconds {
        person.auth_time = Some(UnixTime::from_seconds(1_800_000_000_000));
    }
    refuses(&family, decide(in_milliseconds), 0, Refusal::AuthTime);
}

#[test]
fn an_audience_narrows_and_never_widens() {
    let (mut family, code) = coded(request(), None);
    let wider = vec!["https://api.example".to_owned(), "urn:other".to_owned()];
    let mut act = redeem(&code);
    act.audience = wider.clone();
    refuses(&family, act, 0, Refusal::Audience);
    let granted = does(&mut family, redeem(&code), 0);
    assert_eq!(granted.grant.audience, request().audience);
    let mut act = refresh(&granted.refresh.unwrap().part);
    act.audience = wider;
    refuses(&family, act.clone(), 0, Refusal::Audience);
    // What the client may not have any more it does not get, and nothing else in its place.
    act.audience.clear();
    act.allowed_audience = vec!["urn:allowed".to_owned()];
    refuses(&family, act, 0, Refusal::Audience);
}

#[test]
fn a_code_is_good_once() {
    let (mut family, token, code) = redeemed(SCOPE);
    let mut other = redeem(&code);
    other.client_id = client("other");
    refuses(&family, other, 0, Refusal::OtherClient);
    rotates(&mut family, &token, 500);
    ends(&family, redeem(&code), 1499, Refusal::Replayed);
}

/// Only a use that shows all that the first one had to show tells of a theft.
#[test]
fn a_used_code_ends_the_family_only_if_the_rest_fits() {
    let mut request = request();
    request.dpop_jkt = Some(CHALLENGE.to_owned());
    let (mut family, code) = coded(request, None);
    let mut fits = redeem(&code);
    fits.confirmation.jkt = Some(CHALLENGE.to_owned());
    does(&mut family, fits.clone(), 0);
    let with = |change: &dyn Fn(&mut Redeem)| {
        let mut act = fits.clone();
        change(&mut act);
        act
    };
    for (act, refusal) in [
        (with(&|act| act.redirect_uri = None), Refusal::RedirectUri),
        (
            with(&|act| act.redirect_uri = Some("https://app.example/cb/".to_owned())),
            Refusal::RedirectUri,
        ),
        (with(&|act| act.code_verifier = None), Refusal::Verifier),
        (
            with(&|act| act.code_verifier = Some(CHALLENGE.to_owned())),
            Refusal::Verifier,
        ),
        (
            with(&|act| act.confirmation.jkt = None),
            Refusal::Confirmation,
        ),
        (
            with(&|act| act.confirmation.jkt = Some(VERIFIER.to_owned())),
            Refusal::Confirmation,
        ),
    ] {
        refuses(&family, act, 1, refusal);
    }
    // In whatever way the redirect URI may be left out.
    let optional = with(&|act| (act.redirect_uri, act.redirect_uri_optional) = (None, true));
    ends(&family, optional, 1, Refusal::Replayed);
    ends(&family, fits, 1, Refusal::Replayed);
}

#[test]
fn the_redirect_uri_is_the_same_and_named_if_it_was_named() {
    let (same, other) = (Some(REDIRECT_URI), Some("https://app.example/cb/"));
    for (was_named, is_optional, redirect_uri, fits) in [
        (true, false, same, true),
        (true, false, other, false),
        (true, false, None, false),
        (true, true, other, false),
        (true, true, None, true),
        (false, false, other, false),
        (false, false, None, true),
    ] {
        let mut request = request();
        request.redirect_uri_given = was_named;
        let (mut family, code) = coded(request, None);
        let mut act = redeem(&code);
        act.redirect_uri = redirect_uri.map(str::to_owned);
        act.redirect_uri_optional = is_optional;
        let refusal = act.decide(&mut family, at(0)).err();
        assert_eq!(refusal, (!fits).then_some(Refusal::RedirectUri));
    }
}

#[test]
fn verifier_and_challenge_fit_or_are_both_absent() {
    let text = |length| "-._~aZ09".repeat(17)[..length].to_owned();
    let fitting = |verifier: String| (Some(s256(&verifier)), Some(verifier));
    let [challenge, verifier] = [CHALLENGE, VERIFIER].map(|text| Some(text.to_owned()));
    for ((challenge, verifier), fits) in [
        ((None, None), true),
        ((challenge.clone(), verifier.clone()), true),
        ((challenge.clone(), Some(VERIFIER.to_lowercase())), false),
        ((challenge.clone(), challenge.clone()), false),
        ((challenge, None), false),
        ((None, verifier), false),
        (fitting(text(42)), false),
        (fitting(text(43)), true),
        (fitting(text(128)), true),
        (fitting(text(129)), false),
        (fitting(text(43) + "+"), false),
        (fitting(text(43) + "ä"), false),
    ] {
        let mut request = request();
        request.code_challenge = challenge;
        let (mut family, code) = coded(request, None);
        let mut act = redeem(&code);
        act.code_verifier = verifier;
        let refusal = act.decide(&mut family, at(0)).err();
        assert_eq!(refusal, (!fits).then_some(Refusal::Verifier));
    }
}

#[test]
fn a_retry_within_the_grace_gives_the_same_successor() {
    let (mut family, token, _) = redeemed(SCOPE);
    let successor = rotates(&mut family, &token, 5);
    assert_ne!(successor, token);
    let rotated = family.clone();
    assert_eq!(rotates(&mut family, &token, 14), successor);
    assert_eq!(family, rotated);
    ends(&family, refresh(&token), 15, Refusal::Replayed);
}

#[test]
fn a_clock_that_goes_back_makes_no_grace() {
    let (mut family, token, _) = redeemed(SCOPE);
    let policy = RefreshPolicy {
        grace: Seconds(0),
        ..POLICY
    };
    let act = RefreshTokens {
        policy,
        ..refresh(&token)
    };
    does(&mut family, act.clone(), 20);
    ends(&family, act, 19, Refusal::Replayed);
}

#[test]
fn what_is_over_does_not_begin() {
    let family = asked(request(), at(60));
    let begin = act::Begin { family };
    refuses(&None, begin.clone(), 60, Refusal::Expired);
    does(&mut None, begin, 59);
}

#[test]
fn the_grace_ends_when_the_successor_is_used() {
    let (mut family, token, _) = redeemed(SCOPE);
    let successor = rotates(&mut family, &token, 5);
    rotates(&mut family, &successor, 5);
    ends(&family, refresh(&token), 5, Refusal::Replayed);
    rotates(&mut family, &successor, 5);
}

/// What is added is no excess, and is given as far as it was granted.
#[test]
fn a_scope_that_is_added_comes_from_what_was_granted() {
    let (mut family, token, _) = redeemed("read write");
    let mut act = refresh(&token);
    act.added_scope = Some(scope("write admin"));
    act.scope = Some(scope("read other"));
    refuses(&family, act.clone(), 0, Refusal::Scope);
    let mut token = token;
    for (asked, granted) in [
        ("read", "read write"),
        ("admin read", "read write"),
        ("", "write"),
    ] {
        act.token = token.clone();
        act.scope = Some(scope(asked));
        let answer = does(&mut family, act.clone(), 0);
        assert_eq!(answer.grant.scope, scope(granted), "{asked}");
        token = answer.refresh.unwrap().part;
    }
    // An act of a version that does not know it is read as one that adds nothing.
    let mut text = edge_token::json::Json::to_json(&act);
    text.as_object_mut().unwrap().remove("added_scope");
    let read = <RefreshTokens as edge_token::json::Json>::from_json(text).unwrap();
    assert_eq!(read.added_scope, None);
}

#[test]
fn a_wider_scope_is_refused_and_nothing_changes() {
    let (mut family, token, _) = redeemed("read write");
    let mut act = refresh(&token);
    for wider in ["offline_access", "write admin"] {
        act.scope = Some(scope(wider));
        refuses(&family, act.clone(), 0, Refusal::Scope);
    }
    act.scope = Some(scope("read"));
    let narrow = does(&mut family, act, 0);
    assert_eq!(narrow.grant.scope, scope("read"));
    let whole = does(&mut family, refresh(&narrow.refresh.unwrap().part), 0);
    assert_eq!(whole.grant.scope, scope("read write"));
}

#[test]
fn refresh_tokens_end_unused_and_all_together() {
    for (scope, idle, absolute) in [("read", 100, 150), (SCOPE, 1000, 1500)] {
        let (mut family, token, _) = redeemed(scope);
        ends(&family, refresh(&token), idle, Refusal::Expired);
        let issued = does(&mut family, refresh(&token), idle - 1)
            .refresh
            .unwrap();
        assert_eq!(issued.expires_at, at(absolute));
        ends(&family, refresh(&issued.part), absolute, Refusal::Expired);
    }
}

#[test]
fn a_family_lives_as_long_as_the_last_of_its_tokens() {
    let (mut family, token, _) = redeemed("read");
    let mut act = refresh(&token);
    act.access_until = at(120);
    let successor = does(&mut family, act, 0).refresh.unwrap().part;
    refuses(&family, refresh(&successor), 100, Refusal::Expired);
    does(&mut family, Show, 119);
    ends(&family, Show, 120, Refusal::Expired);
}

#[test]
fn what_is_no_act_is_none() {
    let mut family = Some(pushed(request(), at(60)));
    for (name, text) in [("", "null"), ("shows", "null"), ("show", ""), ("end", "{}")] {
        assert_eq!(act::decide(name, text, &mut family, at(60)), None, "{name}");
    }
    assert_eq!(family, Some(pushed(request(), at(60))));
}
