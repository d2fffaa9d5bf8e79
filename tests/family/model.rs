//! The rules of a family as facts, written from docs/people.md and docs/storage.md and not from the
//! code.

use std::collections::BTreeSet;

use edge_token::family::Grant;
use edge_token::family::act::{End, InspectRefresh, Look, RevokeRefresh};
use edge_token::json::Json;
use serde_json::Value;

use super::*;

/// What a family waits for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Phase {
    Ask,
    Decision,
    Redemption,
    Refresh,
}

/// The rules, as facts of one family. It makes no secret: a new one is what the family answers.
pub(super) struct Model {
    pub(super) phase: Phase,
    /// Who brought the request URI, the oldest first: ticket, cookie, and when both end.
    pub(super) visits: Vec<(Secret, Secret, UnixTime)>,
    /// The ticket and the cookie that count, once there is one ticket alone.
    pub(super) ticket: Secret,
    pub(super) browser: Secret,
    /// Nothing changed it since it began.
    pub(super) untouched: bool,
    pub(super) gone: bool,
    pub(super) request: AuthorizationRequest,
    /// What the challenge was made of.
    pub(super) verifier: Option<String>,
    pub(super) decision: Option<Decision>,
    /// What the deciding browser comes back with.
    pub(super) resume: Value,
    pub(super) code: Value,
    pub(super) grant: Grant,
    /// All refresh tokens that were issued; the last one is good.
    pub(super) tokens: Vec<Value>,
    /// It stays, whatever happens.
    pub(super) begun_at: UnixTime,
    pub(super) phase_ends: UnixTime,
    pub(super) access_ends: UnixTime,
    pub(super) rotated: UnixTime,
    pub(super) idle_ends: UnixTime,
    pub(super) all_end: UnixTime,
    /// Who alone can use the refresh tokens.
    pub(super) bound: Confirmation,
}

pub(super) type Expected = Result<Value, Refusal>;

fn check(is_right: bool, refusal: Refusal) -> Result<(), Refusal> {
    is_right.then_some(()).ok_or(refusal)
}

pub(super) fn is_within(narrow: &ScopeSet, wide: &ScopeSet) -> bool {
    let set = |scope: &ScopeSet| BTreeSet::from_iter(scope.tokens().iter().cloned());
    set(narrow).is_subset(&set(wide))
}

impl Model {
    pub(super) fn ends(&self) -> UnixTime {
        match self.phase {
            Phase::Refresh => self.access_ends.max(self.idle_ends),
            Phase::Ask => {
                let visits = self.visits.iter().map(|visit| visit.2);
                visits.fold(self.phase_ends, UnixTime::max)
            }
            _ => self.phase_ends,
        }
    }

    pub(super) fn lives(&mut self, now: UnixTime) -> Result<(), Refusal> {
        check(!self.gone, Refusal::Unknown)?;
        self.gone = now >= self.ends();
        check(!self.gone, Refusal::Expired)
    }

    pub(super) fn next(&self) -> &'static str {
        match self.phase {
            Phase::Ask if self.visits.is_empty() => "ask",
            Phase::Ask => "decide",
            Phase::Decision if self.decision.is_none() => "decide",
            Phase::Decision => "resume",
            Phase::Redemption => "redeem",
            Phase::Refresh => "refresh",
        }
    }

    pub(super) fn begin(&self, is_same: bool, is_over: bool) -> Expected {
        check(!is_over, Refusal::Expired)?;
        check(is_same && self.untouched, Refusal::Unknown)?;
        Ok(Value::Null)
    }

    /// Any number of visits, of which eight are kept, until the URI ends or a ticket is decided.
    pub(super) fn ask(&mut self, act: &Ask, ticket: u8, browser: u8, now: UnixTime) -> Expected {
        self.lives(now)?;
        let is_good = self.phase == Phase::Ask && act.request_uri == secret(REQUEST_URI);
        check(is_good, Refusal::Unknown)?;
        check(act.client_id == client("app"), Refusal::OtherClient)?;
        check(now < self.phase_ends, Refusal::Expired)?;
        let is_known = |cookie: &Secret| self.visits.iter().any(|visit| visit.1 == *cookie);
        let known = act.cookie.clone().filter(is_known);
        let is_known = known.is_some();
        let browser = known.unwrap_or(secret(browser));
        let ticket = secret(ticket);
        if self.visits.iter().all(|visit| visit.0 != ticket) {
            self.visits.push((ticket, browser, act.expires_at));
            self.visits = self.visits.split_off(self.visits.len().saturating_sub(8));
        }
        self.untouched = false;
        Ok(if is_known {
            json!("known")
        } else {
            Value::Null
        })
    }

    /// The login application knows a ticket until its browser has the code.
    pub(super) fn ticket(&mut self, ticket: &Secret, now: UnixTime) -> Result<(), Refusal> {
        self.lives(now)?;
        if self.phase == Phase::Ask {
            let visit = self.visits.iter().find(|visit| visit.0 == *ticket);
            return check(now < visit.ok_or(Refusal::Unknown)?.2, Refusal::Expired);
        }
        let is_good = self.phase == Phase::Decision && *ticket == self.ticket;
        check(is_good, Refusal::Unknown)
    }

    pub(super) fn look(&mut self, act: &Look, now: UnixTime) -> Expected {
        self.ticket(&act.ticket, now)?;
        check(self.decision.is_none(), Refusal::Decided)?;
        Ok(json!({ "client_id": "app", "request": self.request.to_json() }))
    }

    pub(super) fn decide(&mut self, act: &Decide, now: UnixTime, new: &Value) -> Expected {
        self.ticket(&act.ticket, now)?;
        if self.decision.is_none() {
            if let Decision::Accepted { scope, person } = &act.decision {
                let scope = scope.as_ref().unwrap_or(&self.request.scope);
                check(is_within(scope, &self.request.scope), Refusal::Scope)?;
                check(person.auth_time.is_some(), Refusal::AuthTime)?;
            }
            self.resume = new.clone();
        }
        let first = self.decision.get_or_insert(act.decision.clone());
        check(*first == act.decision, Refusal::Decided)?;
        // The URI and all other tickets are over.
        let visits = std::mem::take(&mut self.visits);
        if let Some(visit) = visits.into_iter().find(|visit| visit.0 == act.ticket) {
            self.phase = Phase::Decision;
            (self.ticket, self.browser, self.phase_ends) = visit;
        }
        self.untouched = false;
        Ok(self.resume.clone())
    }

    pub(super) fn resume(&mut self, act: &Resume, now: UnixTime, new: &Value) -> Expected {
        self.lives(now)?;
        let is_good = self.phase == Phase::Decision || self.phase == Phase::Redemption;
        check(
            is_good && act.resume.to_json() == self.resume,
            Refusal::Unknown,
        )?;
        check(act.browser == self.browser, Refusal::OtherBrowser)?;
        let code = match self.decision.clone().ok_or(Refusal::Unknown)? {
            Decision::Rejected { error } => json!({ "Err": error }),
            Decision::Accepted { person, scope } => {
                if self.phase == Phase::Decision {
                    self.phase = Phase::Redemption;
                    self.phase_ends = now.plus(act.code_ttl);
                    self.code = new.clone();
                    self.grant.scope = scope.unwrap_or(self.request.scope.clone());
                    self.grant.person = Some(person);
                }
                json!({ "Ok": self.code })
            }
        };
        let state = &self.request.state;
        Ok(json!({
            "redirect_uri": REDIRECT_URI, "response_mode": self.request.response_mode.name(),
            "state": state, "code": code,
        }))
    }

    pub(super) fn redeem(&mut self, act: &Redeem, now: UnixTime, new: &Value) -> Expected {
        self.lives(now)?;
        check(act.code.to_json() == self.code, Refusal::Unknown)?;
        check(act.client_id == client("app"), Refusal::OtherClient)?;
        let redirect_uri_fits = match &act.redirect_uri {
            None => act.redirect_uri_optional || !self.request.redirect_uri_given,
            Some(uri) => uri == REDIRECT_URI,
        };
        check(redirect_uri_fits, Refusal::RedirectUri)?;
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let is_well_formed = |v: &String| v.chars().all(is_allowed) && (43..129).contains(&v.len());
        let fits = self.verifier == act.code_verifier;
        let fits = fits && self.verifier.as_ref().is_none_or(is_well_formed);
        check(fits, Refusal::Verifier)?;
        let wanted = &self.request.dpop_jkt;
        let is_holder = wanted.is_none() || *wanted == act.confirmation.jkt;
        check(is_holder, Refusal::Confirmation)?;
        self.gone = self.phase == Phase::Refresh;
        check(!self.gone, Refusal::Replayed)?;
        let audience = self.audience(&act.audience, &act.allowed_audience)?;
        self.bound = act.refresh_confirmation.clone();
        self.phase = Phase::Refresh;
        self.access_ends = act.access_until;
        if let Some(policy) = act.refresh {
            self.all_end = now.plus(self.lifetimes(&policy).absolute);
            self.rotate(&policy, now, new);
        }
        let grant = Grant {
            audience,
            ..self.grant.clone()
        };
        Ok(self.granted(grant, &self.request.nonce))
    }

    /// What is asked for, else what was granted; never more than was granted, if that was somebody; of
    /// it who is allowed still, which is nobody only where nobody was named.
    pub(super) fn audience(
        &self,
        wanted: &[String],
        allowed: &[String],
    ) -> Result<Vec<String>, Refusal> {
        let granted = &self.grant.audience;
        let is_less = granted.is_empty() || wanted.iter().all(|one| granted.contains(one));
        check(is_less, Refusal::Audience)?;
        let named = [granted, wanted][usize::from(!wanted.is_empty())];
        let is_allowed = |one: &&String| allowed.contains(one);
        let left = Vec::from_iter(named.iter().filter(is_allowed).cloned());
        check(named.is_empty() || !left.is_empty(), Refusal::Audience)?;
        Ok(left)
    }

    pub(super) fn is_offline(&self) -> bool {
        is_within(&scope("offline_access"), &self.grant.scope)
    }

    pub(super) fn lifetimes(&self, policy: &RefreshPolicy) -> RefreshLifetimes {
        [policy.online, policy.offline][usize::from(self.is_offline())]
    }

    pub(super) fn rotate(&mut self, policy: &RefreshPolicy, now: UnixTime, new: &Value) {
        self.tokens.push(new.clone());
        self.rotated = now;
        self.idle_ends = now.plus(self.lifetimes(policy).idle).min(self.all_end);
        self.untouched = false;
    }

    pub(super) fn granted(&self, grant: Grant, nonce: &Option<String>) -> Value {
        let (idle_ends, offline) = (self.idle_ends, self.is_offline());
        let issued = |part| json!({ "part": part, "expires_at": idle_ends, "offline": offline });
        json!({
            "grant": grant.to_json(), "nonce": nonce, "begun_at": self.begun_at,
            "refresh": self.tokens.last().map(issued),
        })
    }

    /// How many tokens were issued after this one, if it ever was.
    pub(super) fn age(&self, token: &RefreshPart) -> Option<usize> {
        let mut newest_first = self.tokens.iter().rev();
        newest_first.position(|known| *known == token.to_json())
    }

    pub(super) fn refresh(&mut self, act: &RefreshTokens, now: UnixTime, new: &Value) -> Expected {
        self.lives(now)?;
        let age = self.age(&act.token).ok_or(Refusal::Unknown)?;
        check(act.client_id == client("app"), Refusal::OtherClient)?;
        let has = |bound: &Option<String>, shown: &Option<String>| match bound {
            Some(bound) => shown.as_ref() == Some(bound),
            None => true,
        };
        let is_holder = has(&self.bound.jkt, &act.confirmation.jkt)
            && has(&self.bound.x5t_s256, &act.confirmation.x5t_s256);
        check(is_holder, Refusal::Confirmation)?;
        let is_retry = age == 1 && now < self.rotated.plus(act.policy.grace);
        self.gone = age > 0 && !is_retry;
        check(!self.gone, Refusal::Replayed)?;
        check(now < self.idle_ends, Refusal::Expired)?;
        let mut grant = self.grant.clone();
        grant.scope = act.scope.clone().unwrap_or(grant.scope);
        check(is_within(&grant.scope, &self.grant.scope), Refusal::Scope)?;
        grant.audience = self.audience(&act.audience, &act.allowed_audience)?;
        if !is_retry {
            self.rotate(&act.policy, now, new);
        }
        self.access_ends = self.access_ends.max(act.access_until);
        Ok(self.granted(grant, &None))
    }

    /// Good is what could be used now: the newest, and the one before while its answer may be lost.
    pub(super) fn inspect(&mut self, act: &InspectRefresh, now: UnixTime) -> Expected {
        self.lives(now)?;
        let age = self.age(&act.token).ok_or(Refusal::Unknown)?;
        let is_retry = age == 1 && now < self.rotated.plus(act.grace);
        check(age == 0 || is_retry, Refusal::Expired)?;
        check(now < self.idle_ends, Refusal::Expired)?;
        Ok(json!({
            "client_id": "app", "grant": self.grant.to_json(), "begun_at": self.begun_at,
            "expires_at": self.idle_ends, "confirmation": self.bound.to_json(),
            "used_at": is_retry.then_some(self.rotated),
        }))
    }

    /// Any that was ever issued will do: its client has lost them all.
    pub(super) fn revoke(&mut self, act: &RevokeRefresh, now: UnixTime) -> Expected {
        self.lives(now)?;
        self.age(&act.token).ok_or(Refusal::Unknown)?;
        check(act.client_id == client("app"), Refusal::OtherClient)?;
        self.gone = true;
        Ok(Value::Null)
    }

    pub(super) fn show(&mut self, now: UnixTime) -> Expected {
        self.lives(now)?;
        check(self.phase == Phase::Refresh, Refusal::Unknown)?;
        let begun_at = self.begun_at;
        Ok(json!({ "client_id": "app", "grant": self.grant.to_json(), "begun_at": begun_at }))
    }

    pub(super) fn end(&mut self, act: &End, now: UnixTime) -> Expected {
        self.lives(now)?;
        check(act.client_id == client("app"), Refusal::OtherClient)?;
        self.gone = true;
        Ok(Value::Null)
    }
}
