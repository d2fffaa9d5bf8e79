//! Any acts in any order with any arguments, against a model that is written from the rules and
//! not from the code.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use edge_token::family::act::{
    self, Act, Ask, Begin, Decide, End, Granted, InspectRefresh, Look, Redeem, RefreshTokens,
    Resume, RevokeRefresh, Show,
};
use edge_token::family::{
    AuthorizationRequest, Decision, Family, Grant, IssuedRefresh, RefreshPart, RefreshPolicy,
    Refusal, Secret,
};
use edge_token::json::Json;
use edge_token::proof::confirmation::Confirmation;
use edge_token::time::{Seconds, UnixTime};
use proptest::array::{uniform16, uniform32};
use proptest::prelude::{any, prop_assert, prop_assert_eq};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use serde_json::{Value, json};

use super::model::{Model, Phase, is_within};
use super::{
    CHALLENGE, COOKIE, KEY, POLICY, REDIRECT_URI, REQUEST_URI, SCOPE, SEED, STRANGE, TICKET,
    VERIFIER, allowed_audience, asked, at, client, decisions, lifetimes, pushed, refresh, request,
    s256, scope, secret,
};

/// Tickets that visits get, by their octet.
const TICKETS: [u8; 4] = [TICKET, 11, 12, 13];

/// All acts, and all that can come of them.
const ACTS: [(&str, &str); 11] = [
    ("begin", "ok Unknown Expired"),
    ("ask", "ok Unknown OtherClient Expired"),
    ("look", "ok Unknown Decided Expired"),
    ("decide", "ok Unknown Decided Scope AuthTime Expired"),
    ("resume", "ok Unknown OtherBrowser Expired"),
    (
        "redeem",
        "ok Unknown OtherClient RedirectUri Verifier Confirmation Audience Replayed Expired",
    ),
    (
        "refresh",
        "ok retry Unknown OtherClient Confirmation Scope Audience Replayed Expired",
    ),
    ("inspect", "ok retry used idle Unknown Expired"),
    ("revoke", "ok used Unknown OtherClient Expired"),
    ("show", "ok Unknown Expired"),
    ("end", "ok Unknown OtherClient Expired"),
];

#[test]
fn any_acts_in_any_order_keep_to_the_rules() {
    let seen = RefCell::new(BTreeSet::new());
    let config = Config {
        cases: 1000,
        failure_persistence: None,
        ..Config::default()
    };
    let steps = proptest::collection::vec(uniform16(any::<u8>()), 1..=40);
    let cases = (uniform32(any::<u8>()), steps);
    let result = TestRunner::new(config).run(&cases, |(first, steps)| {
        let mut run = Run::new(&mut Dice(first.iter()));
        let family = run.begun.clone();
        run.happens(&Begin { family })?;
        let mut tries_after_the_end = 0..3;
        for octets in steps {
            if run.family.is_none() && tries_after_the_end.next().is_none() {
                break;
            }
            let outcome = run.step(&mut Dice(octets.iter()));
            let told = |error| TestCaseError::fail(format!("{error}\n{}", run.log.join("\n")));
            seen.borrow_mut().insert(outcome.map_err(told)?);
        }
        Ok(())
    });
    match result {
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        result => result.unwrap(),
    }
    for (act, outcomes) in ACTS {
        for outcome in outcomes.split(' ') {
            let outcome = (act, outcome.to_owned());
            assert!(seen.borrow().contains(&outcome), "{outcome:?} never came");
        }
    }
}

fn grant(request: &AuthorizationRequest) -> Grant {
    Grant {
        scope: request.scope.clone(),
        audience: request.audience.clone(),
        person: None,
    }
}

/// Whom a request may be for, beginning with nobody in particular.
fn audiences() -> [Vec<String>; 5] {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    [
        owned(&[]),
        owned(&["https://api.example"]),
        owned(&["https://api.example", "urn:allowed"]),
        owned(&["urn:allowed"]),
        owned(&["urn:x"]),
    ]
}

/// A family that begins with a refresh token.
fn granted(
    [key, seed]: [u8; 2],
    request: &AuthorizationRequest,
    policy: &RefreshPolicy,
    until: UnixTime,
) -> (Family, IssuedRefresh) {
    let (key, client, seed) = (secret(key), client("app"), secret(seed));
    Family::granted(key, client, grant(request), &seed, policy, until, at(0))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Octets that choose; zero chooses what is usual and right.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn roll(&mut self) -> usize {
        self.0.next().copied().unwrap_or_default().into()
    }

    fn any<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll() % all.len()].clone()
    }

    /// One of the others, once in eight times.
    fn mostly<T: Clone>(&mut self, usual: T, others: &[T]) -> T {
        match self.roll().checked_sub(224) {
            Some(n) => others[n % others.len()].clone(),
            None => usual,
        }
    }

    fn secret(&mut self, right: u8) -> Secret {
        secret(self.mostly(right, &[REQUEST_URI, TICKET, COOKIE, STRANGE]))
    }

    fn seconds(&mut self, most: usize) -> Seconds {
        Seconds((1 + self.roll() % most) as u32)
    }

    fn policy(&mut self) -> RefreshPolicy {
        let mut lifetimes = || lifetimes(self.seconds(20).0, self.seconds(50).0);
        RefreshPolicy {
            online: lifetimes(),
            offline: lifetimes(),
            grace: Seconds(self.any(&[0, 1, 2, 5])),
        }
    }
}

/// A family, the model, and what holds whatever the model says.
struct Run {
    family: Option<Family>,
    begun: Family,
    model: Model,
    now: UnixTime,
    /// Before and after an operator changed it.
    policies: [RefreshPolicy; 2],
    redemptions: usize,
    all_end: Option<UnixTime>,
    /// By the refresh token that was presented.
    successors: BTreeMap<String, Value>,
    /// What may not be stored.
    secrets: BTreeSet<String>,
    /// For who reads a failure.
    log: Vec<String>,
}

impl Run {
    fn new(dice: &mut Dice<'_>) -> Self {
        let bad = [VERIFIER.repeat(3), "+".repeat(43)];
        let others = ["", "", &bad[0], &bad[1]];
        let verifier = dice.any(&[&[VERIFIER; 8], &others[..]].concat());
        let verifier = Some(verifier.to_owned()).filter(|text| !text.is_empty());
        let request = AuthorizationRequest {
            redirect_uri_given: dice.any(&[true, false]),
            scope: scope(dice.any(&[SCOPE, "read write", "read"])),
            code_challenge: verifier.as_deref().map(s256),
            dpop_jkt: dice.any(&[None, Some("A".to_owned())]),
            audience: dice.any(&audiences()[..3]),
            ..request()
        };
        let policies = [dice.policy(), dice.policy()];
        let ends = at(0).plus(dice.seconds(60));
        let phase = dice.any(&[Phase::Decision, Phase::Ask, Phase::Refresh]);
        let octets = [&[REQUEST_URI, COOKIE, SEED, STRANGE], &TICKETS[..]].concat();
        let secrets = octets.into_iter().map(|octet| secret(octet).reveal());
        let (family, issued) = granted([KEY, SEED], &request, &policies[0], ends);
        let mut run = Self {
            family: None,
            begun: match phase {
                Phase::Ask => pushed(request.clone(), ends),
                Phase::Decision => asked(request.clone(), ends),
                Phase::Redemption | Phase::Refresh => family,
            },
            now: at(0),
            policies,
            redemptions: 0,
            all_end: None,
            successors: BTreeMap::new(),
            secrets: secrets.chain(verifier.clone()).collect(),
            log: vec![],
            model: Model {
                phase,
                visits: vec![],
                ticket: secret(TICKET),
                browser: secret(COOKIE),
                untouched: true,
                gone: false,
                verifier,
                decision: None,
                resume: Value::Null,
                code: Value::Null,
                grant: grant(&request),
                request,
                tokens: vec![],
                begun_at: at(0),
                phase_ends: ends,
                access_ends: ends,
                rotated: at(0),
                idle_ends: at(0),
                all_end: at(0),
                bound: Confirmation::default(),
            },
        };
        if phase == Phase::Refresh {
            let policy = &policies[0];
            run.model.all_end = at(0).plus(run.model.lifetimes(policy).absolute);
            run.model.rotate(policy, at(0), &issued.part.to_json());
            run.model.untouched = true;
            run.all_end = Some(run.model.all_end);
            run.secrets.insert(text(&issued.part.to_json()["proof"]));
        }
        run
    }

    /// Lets an act happen to typed values and as text, which must come to the same.
    fn happens<A: Act>(&mut self, act: &A) -> Result<Value, TestCaseError> {
        let (now, text) = (self.now, act.to_text());
        let mut typed = self.family.clone();
        let answer = act.clone().decide(&mut typed, now).to_json();
        self.log.push(format!("{now} {} {text}: {answer}", A::NAME));
        let answered = act::decide(A::NAME, &text, &mut self.family, now).unwrap();
        let read = Result::<A::Answer, Refusal>::from_text(&answered).unwrap();
        prop_assert_eq!(read.to_json(), answer.clone());
        prop_assert_eq!(&self.family, &typed);
        // What ends a family says that it may come twice, and then answers another thing.
        let is_end = [End::NAME, RevokeRefresh::NAME].contains(&A::NAME);
        if answer.get("Ok").is_some() && !is_end {
            let again = act.clone().decide(&mut typed, now).to_json();
            prop_assert_eq!(again == answer, act.is_idempotent());
        }
        Ok(answer)
    }

    /// A refresh token that was issued at any time, another family's, or a forgery.
    fn token(&self, dice: &mut Dice<'_>) -> RefreshPart {
        let other = |secrets| {
            granted(secrets, &request(), &POLICY, at(60))
                .1
                .part
                .to_json()
        };
        let mut newest_first = self.model.tokens.iter().rev();
        let age = dice.any(&[0, 0, 0, 0, 1, 1, 2, 3]);
        let token = newest_first.nth(age).cloned();
        let mut token = token.unwrap_or_else(|| other([STRANGE, SEED]));
        let forgeries = ["seed", "generation", "proof", "other", "stored", "future"];
        match dice.mostly("", &forgeries) {
            "" => {}
            "other" => token = other([STRANGE, SEED]),
            "stored" => token = other([KEY, STRANGE]),
            "generation" => token["generation"] = json!(token["generation"].as_u64().unwrap() ^ 1),
            "future" => {
                let newest = self.model.tokens.last().unwrap_or(&token).clone();
                let act = refresh(&RefreshPart::from_json(newest).unwrap());
                if let Ok(ahead) = act.decide(&mut self.family.clone(), self.now) {
                    token = ahead.refresh.unwrap().part.to_json();
                }
            }
            member => token[member] = secret(STRANGE).to_json(),
        }
        RefreshPart::from_json(token).unwrap()
    }

    /// A ticket of the family, or anything else.
    fn ticket(&self, dice: &mut Dice<'_>) -> Secret {
        let visits = self.model.visits.iter().map(|visit| visit.0.clone());
        let mut tickets = visits.collect::<Vec<_>>();
        tickets.push(self.model.ticket.clone());
        let ticket = dice.any(&tickets);
        dice.mostly(ticket, &[REQUEST_URI, TICKET, COOKIE, STRANGE].map(secret))
    }

    /// A key, a certificate, both or neither; often those that are asked for.
    fn confirmation(&self, dice: &mut Dice<'_>) -> Confirmation {
        let (jkt, x5t_s256) = (
            self.model.bound.jkt.clone(),
            self.model.bound.x5t_s256.clone(),
        );
        let jkt = jkt.or(self.model.request.dpop_jkt.clone());
        let [a, b] = ["A", "B"].map(|name| Some(name.to_owned()));
        let mut one =
            |asked: Option<String>| dice.any(&[asked.clone(), asked, a.clone(), b.clone(), None]);
        Confirmation {
            jkt: one(jkt),
            x5t_s256: one(x5t_s256),
        }
    }

    /// Lets something happen, and tells what, and what came of it.
    fn step(&mut self, dice: &mut Dice<'_>) -> Result<(&'static str, String), TestCaseError> {
        let grace_ends = self.model.rotated.plus(self.policies[0].grace);
        let (ends, idle_ends) = (self.model.ends(), self.model.idle_ends);
        let later = [1, 1, 2, 3, 5].map(|seconds| self.now.plus(Seconds(seconds)));
        let last = [ends, idle_ends, grace_ends].map(|moment| moment.minus(Seconds(1)));
        let moments = [&later[..], &last, &[ends; 3], &[idle_ends, grace_ends]].concat();
        self.now = dice.mostly(self.now, &moments).max(self.now);

        let (now, before) = (self.now, self.family.clone());
        let (next, (some, _)) = (self.model.next(), dice.any(&ACTS));
        let name = match dice.any(&[next, some]) {
            // Ids are random: nothing begins where something was.
            "begin" if before.is_none() => "show",
            name => name,
        };
        let until = now.plus(dice.seconds(40));
        let policy = dice.mostly(self.policies[0], &self.policies[1..]);
        let client_id = client(dice.mostly("app", &["other"]));
        let wanted_audience = dice.mostly(vec![], &audiences());
        let allowed_audience = dice.mostly(allowed_audience(), &audiences()[2..]);
        let confirmation = self.confirmation(dice);
        let (mut presented, mut age) = (None, None);
        let (answer, expected) = match name {
            "begin" => {
                let (other, _) = granted([STRANGE, SEED], &request(), &policy, until);
                let family = dice.any(&[self.begun.clone(), other]);
                let is_same = family == self.begun;
                let is_over = family.ends_at() <= now;
                let expected = self.model.begin(is_same, is_over);
                (self.happens(&Begin { family })?, expected)
            }
            "ask" => {
                let ticket = dice.any(&TICKETS);
                // A new cookie is not the one that the browser brings.
                let [browser, other] = dice.any(&[[COOKIE, STRANGE], [STRANGE, COOKIE]]);
                let cookie = dice.any(&[None, Some(other)]);
                let act = Ask {
                    request_uri: dice.secret(REQUEST_URI),
                    client_id,
                    ticket: secret(ticket).hash(),
                    browser: secret(browser).hash(),
                    cookie: cookie.map(secret),
                    expires_at: until,
                };
                let expected = self.model.ask(&act, ticket, browser, now);
                (self.happens(&act)?, expected)
            }
            "look" => {
                let ticket = self.ticket(dice);
                let act = Look { ticket };
                (self.happens(&act)?, self.model.look(&act, now))
            }
            "decide" => {
                let mut nobody_knows_when = decisions()[0].clone();
                if let Decision::Accepted { person, .. } = &mut nobody_knows_when {
                    person.auth_time = None;
                }
                let decision = dice.any(&decisions());
                let act = Decide {
                    ticket: self.ticket(dice),
                    decision: dice.mostly(decision, &[nobody_knows_when]),
                };
                let answer = self.happens(&act)?;
                let new = &answer["Ok"];
                if new.is_string() && self.model.resume.is_null() {
                    prop_assert!(self.secrets.insert(text(new)), "no new secret");
                }
                let expected = self.model.decide(&act, now, new);
                (answer, expected)
            }
            "resume" => {
                let resume = self.model.resume.as_str().and_then(Secret::parse);
                let act = Resume {
                    resume: dice.mostly(resume, &[None]).unwrap_or(secret(TICKET)),
                    browser: dice.mostly(
                        self.model.browser.clone(),
                        &[COOKIE, STRANGE, TICKET].map(secret),
                    ),
                    code_ttl: dice.seconds(40),
                };
                let answer = self.happens(&act)?;
                let code = &answer["Ok"]["code"]["Ok"];
                if code.is_string() && self.model.code.is_null() {
                    prop_assert!(self.secrets.insert(text(code)), "no new code");
                }
                let expected = self.model.resume(&act, now, code);
                (answer, expected)
            }
            "redeem" => {
                let code = self.model.code.as_str().and_then(Secret::parse);
                let verifier = self.model.verifier.clone().unwrap_or_default();
                let verifier = dice.mostly(&*verifier, &["", CHALLENGE, "short"]);
                let redirect_uri = dice.mostly(REDIRECT_URI, &["", "", "https://x"]);
                let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
                let act = Redeem {
                    code: dice.mostly(code, &[None]).unwrap_or(secret(STRANGE)),
                    client_id,
                    redirect_uri: some(redirect_uri),
                    redirect_uri_optional: dice.mostly(false, &[true]),
                    code_verifier: some(verifier),
                    audience: wanted_audience,
                    allowed_audience,
                    access_until: until,
                    refresh: dice.mostly(Some(policy), &[None]),
                    refresh_confirmation: dice
                        .any(&[confirmation.clone(), Confirmation::default()]),
                    confirmation,
                };
                let answer = self.happens(&act)?;
                let new = &answer["Ok"]["refresh"]["part"];
                let expected = self.model.redeem(&act, now, new);
                (answer, expected)
            }
            "refresh" => {
                let wanted = dice.any(&["*", "*", "*", "read", "", "write read", SCOPE]);
                let act = RefreshTokens {
                    token: self.token(dice),
                    client_id,
                    scope: (wanted != "*").then(|| scope(wanted)),
                    added_scope: None,
                    audience: wanted_audience,
                    allowed_audience,
                    access_until: until,
                    policy,
                    confirmation,
                };
                let answer = self.happens(&act)?;
                presented = Some(act.token.to_text());
                let new = &answer["Ok"]["refresh"]["part"];
                let expected = self.model.refresh(&act, now, new);
                (answer, expected)
            }
            "inspect" => {
                let (token, grace) = (self.token(dice), policy.grace);
                let act = InspectRefresh { token, grace };
                age = self.model.age(&act.token);
                (self.happens(&act)?, self.model.inspect(&act, now))
            }
            "revoke" => {
                let token = self.token(dice);
                let act = RevokeRefresh { token, client_id };
                age = self.model.age(&act.token);
                (self.happens(&act)?, self.model.revoke(&act, now))
            }
            "show" => (self.happens(&Show)?, self.model.show(now)),
            _ => {
                let act = End { client_id };
                (self.happens(&act)?, self.model.end(&act, now))
            }
        };
        let expected = match expected {
            Ok(value) => json!({ "Ok": value }),
            Err(refusal) => json!({ "Err": refusal.to_json() }),
        };
        prop_assert_eq!(&answer, &expected);
        prop_assert_eq!(self.family.is_none(), self.model.gone);
        if let Some(family) = &self.family {
            prop_assert_eq!(family.ends_at(), self.model.ends());
        }

        // What holds whatever the model says.
        let refusal = Refusal::from_json(answer["Err"].clone());
        let mut outcome = refusal.map_or("ok".to_owned(), |refusal| format!("{refusal:?}"));
        match &*outcome {
            "ok" => prop_assert!(before.is_some(), "what has ended goes on"),
            "Replayed" => prop_assert_eq!(&self.family, &None),
            "Expired" if self.family.is_none() => {}
            _ => prop_assert_eq!(&self.family, &before),
        }
        // Nothing of all that changes what it only looks at, or what has begun.
        if outcome == "ok" && ["begin", "look", "inspect", "show"].contains(&name) {
            prop_assert_eq!(&self.family, &before);
        }
        match (name, &*outcome, age) {
            ("inspect", "ok", Some(1..)) => outcome = "retry".to_owned(),
            ("inspect", "Expired", Some(0)) if self.family.is_some() => outcome = "idle".to_owned(),
            ("inspect", "Expired", Some(1..)) if self.family.is_some() => {
                outcome = "used".to_owned();
            }
            ("revoke", "ok", Some(1..)) => outcome = "used".to_owned(),
            _ => {}
        }
        self.redemptions += usize::from((name, &*outcome) == ("redeem", "ok"));
        prop_assert!(self.redemptions <= 1);
        if let Some(granted) = Granted::from_json(answer["Ok"].clone()) {
            prop_assert!(is_within(&granted.grant.scope, &self.model.grant.scope));
            prop_assert!(is_within(&granted.grant.scope, &self.model.request.scope));
        }
        if let Some(issued) = IssuedRefresh::from_json(answer["Ok"]["refresh"].clone()) {
            let lifetimes = [policy.online, policy.offline][usize::from(issued.offline)];
            let all_end = *self.all_end.get_or_insert(now.plus(lifetimes.absolute));
            prop_assert!(issued.expires_at <= all_end);
            let part = issued.part.to_json();
            prop_assert_eq!(
                self.secrets.insert(text(&part["seed"])),
                presented.is_none()
            );
            let is_new = self.secrets.insert(text(&part["proof"]));
            let known = presented.and_then(|token| self.successors.insert(token, part.clone()));
            prop_assert_eq!(is_new, known.is_none());
            if let Some(known) = known {
                outcome = "retry".to_owned();
                prop_assert_eq!(known, part);
                let [mut before, mut after] = [&before, &self.family].map(Json::to_json);
                for family in [&mut before, &mut after] {
                    family["stage"]["Granted"]["access_until"] = Value::Null;
                }
                prop_assert_eq!(before, after);
            }
        }
        let stored = self.family.to_text();
        let read = Option::from_json(serde_json::from_str(&stored).unwrap());
        prop_assert_eq!(read.as_ref(), Some(&self.family));
        for secret in &self.secrets {
            prop_assert!(!stored.contains(secret), "{} in {}", secret, stored);
        }
        Ok((name, outcome))
    }
}
