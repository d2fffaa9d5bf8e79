//! What can happen to a family. Each act decides alone, by the family and the moment, and changes
//! the family or leaves it as it was.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    AuthorizationRequest, Decision, Family, Grant, IssuedRefresh, Refresh, RefreshPart,
    RefreshPolicy, Refusal, Secret, SecretHash, Stage,
};
use crate::client::ClientId;
use crate::scope::ScopeSet;
use crate::time::{Seconds, UnixTime};
use crate::wire::{Wire, wire};

/// An act in JSON, on its way to the family.
#[derive(Clone, Debug)]
pub struct Message {
    /// The act's name.
    pub name: &'static str,
    /// The act.
    pub text: String,
    /// Whether it may be sent twice.
    pub is_idempotent: bool,
}

/// Something that happens to a family.
pub trait Act: Clone + Wire {
    /// Its name between the Worker and the object that stores the family.
    const NAME: &'static str;

    /// What it answers when it is not refused.
    type Answer: Wire;

    /// Whether it may be sent twice when the first answer was lost: it then answers the same.
    fn is_idempotent(&self) -> bool {
        true
    }

    /// Happens, at the moment `now`, to the family or to what is not there.
    ///
    /// # Errors
    /// [`Refusal`].
    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Self::Answer, Refusal>;
}

/// Decides the act of that name which `text` tells in JSON, and tells its answer or refusal in
/// JSON. `None` when there is no such act.
pub fn decide(
    name: &str,
    text: &str,
    family: &mut Option<Family>,
    now: UnixTime,
) -> Option<String> {
    fn run<A: Act>(text: &str, family: &mut Option<Family>, now: UnixTime) -> Option<String> {
        let act = A::from_text(text)?;
        Some(act.decide(family, now).to_text())
    }
    match name {
        Begin::NAME => run::<Begin>(text, family, now),
        Ask::NAME => run::<Ask>(text, family, now),
        Look::NAME => run::<Look>(text, family, now),
        Decide::NAME => run::<Decide>(text, family, now),
        Resume::NAME => run::<Resume>(text, family, now),
        Redeem::NAME => run::<Redeem>(text, family, now),
        RefreshTokens::NAME => run::<RefreshTokens>(text, family, now),
        Show::NAME => run::<Show>(text, family, now),
        End::NAME => run::<End>(text, family, now),
        _ => None,
    }
}

/// The family, if there is one whose time is not over.
fn living(family: &mut Option<Family>, now: UnixTime) -> Result<&mut Family, Refusal> {
    if family
        .as_ref()
        .is_some_and(|family| family.ends_at() <= now)
    {
        *family = None;
        return Err(Refusal::Expired);
    }
    family.as_mut().ok_or(Refusal::Unknown)
}

/// A new family begins. The same one may begin twice; another of the same id, which nobody should
/// ever see, is refused.
#[derive(Clone, Debug)]
pub struct Begin {
    /// What is stored of it.
    pub family: Family,
}

wire!(struct Begin { family });

impl Act for Begin {
    const NAME: &'static str = "begin";
    type Answer = ();

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<(), Refusal> {
        match family {
            _ if self.family.ends_at() <= now => Err(Refusal::Expired),
            Some(known) if *known != self.family => Err(Refusal::Unknown),
            _ => {
                *family = Some(self.family);
                Ok(())
            }
        }
    }
}

/// A browser brings the URI of a pushed request to the authorization endpoint (RFC 9126 §4), once.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The secret of the URI.
    pub request_uri: Secret,
    /// The client that the browser names.
    pub client_id: ClientId,
    /// What remains of the ticket that it gets.
    pub ticket: SecretHash,
    /// What remains of the cookie that it gets.
    pub browser: SecretHash,
    /// When both end.
    pub expires_at: UnixTime,
}

wire!(struct Ask { request_uri, client_id, ticket, browser, expires_at });

impl Act for Ask {
    const NAME: &'static str = "ask";
    type Answer = ();

    fn is_idempotent(&self) -> bool {
        false
    }

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<(), Refusal> {
        let family = living(family, now)?;
        let Stage::Pushed {
            request_uri,
            request,
            ..
        } = &family.stage
        else {
            return Err(Refusal::Unknown);
        };
        if !request_uri.is_of(&self.request_uri) {
            return Err(Refusal::Unknown);
        }
        if family.client_id != self.client_id {
            return Err(Refusal::OtherClient);
        }
        family.stage = Stage::Asked {
            ticket: self.ticket,
            browser: self.browser,
            request: request.clone(),
            expires_at: self.expires_at,
        };
        Ok(())
    }
}

/// The login application reads what a ticket asks.
#[derive(Clone, Debug)]
pub struct Look {
    /// The ticket.
    pub ticket: Secret,
}

wire!(struct Look { ticket });

/// What a ticket asks.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which client.
    pub client_id: ClientId,
    /// For what.
    pub request: AuthorizationRequest,
}

wire!(struct Asked { client_id, request });

impl Act for Look {
    const NAME: &'static str = "look";
    type Answer = Asked;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Asked, Refusal> {
        let family = living(family, now)?;
        match &family.stage {
            Stage::Asked {
                ticket, request, ..
            } if ticket.is_of(&self.ticket) => Ok(Asked {
                client_id: family.client_id.clone(),
                request: request.clone(),
            }),
            Stage::Decided { ticket, .. } if ticket.is_of(&self.ticket) => Err(Refusal::Decided),
            _ => Err(Refusal::Unknown),
        }
    }
}

/// The login application decides a ticket. The first decision stands. It answers the secret for the
/// browser in which the person decided, which the one that brought the ticket may not be.
#[derive(Clone, Debug)]
pub struct Decide {
    /// The ticket.
    pub ticket: Secret,
    /// The decision.
    pub decision: Decision,
}

wire!(struct Decide { ticket, decision });

impl Act for Decide {
    const NAME: &'static str = "decide";
    type Answer = Secret;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Secret, Refusal> {
        let family = living(family, now)?;
        let resume = family.key.derive("resume", &[self.ticket.octets()]);
        let (ticket, browser, request, expires_at) = match &family.stage {
            Stage::Asked {
                ticket,
                browser,
                request,
                expires_at,
            } if ticket.is_of(&self.ticket) => (ticket, browser, request, expires_at),
            Stage::Decided {
                ticket, decision, ..
            } if ticket.is_of(&self.ticket) => {
                return match *decision == self.decision {
                    true => Ok(resume),
                    false => Err(Refusal::Decided),
                };
            }
            _ => return Err(Refusal::Unknown),
        };
        if let Decision::Accepted { person, scope } = &self.decision {
            if scope
                .as_ref()
                .is_some_and(|scope| !scope.is_subset(&request.scope))
            {
                return Err(Refusal::Scope);
            }
            if !is_recent(person.auth_time, request.max_age, now) {
                return Err(Refusal::AuthTime);
            }
        }
        family.stage = Stage::Decided {
            ticket: ticket.clone(),
            resume: resume.hash(),
            browser: browser.clone(),
            request: request.clone(),
            decision: self.decision,
            expires_at: *expires_at,
        };
        Ok(resume)
    }
}

/// How far two clocks may be apart.
const LEEWAY: Seconds = Seconds(60);

/// Whether a person signed in before now, and within `max_age` (OpenID Connect Core §3.1.2.1).
fn is_recent(auth_time: Option<UnixTime>, max_age: Option<Seconds>, now: UnixTime) -> bool {
    auth_time.is_none_or(|auth_time| auth_time <= now.plus(LEEWAY))
        && max_age.is_none_or(|max_age| {
            auth_time.is_some_and(|auth_time| now <= auth_time.plus(max_age).plus(LEEWAY))
        })
}

/// The browser comes back from the login application, to be sent on to the client. A browser that
/// comes twice gets the same code.
#[derive(Clone, Debug)]
pub struct Resume {
    /// What the decision answered.
    pub resume: Secret,
    /// The cookie.
    pub browser: Secret,
    /// How long the code lives.
    pub code_ttl: Seconds,
}

wire!(struct Resume { resume, browser, code_ttl });

/// What the browser takes to the client.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// Where to.
    pub redirect_uri: String,
    /// What the client wants back.
    pub state: Option<String>,
    /// The secret of the code, or an error.
    pub code: Result<Secret, String>,
}

wire!(struct Resumed { redirect_uri, state, code });

impl Act for Resume {
    const NAME: &'static str = "resume";
    type Answer = Resumed;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Resumed, Refusal> {
        let family = living(family, now)?;
        let (Stage::Decided {
            resume,
            browser,
            request,
            ..
        }
        | Stage::Coded {
            resume,
            browser,
            request,
            ..
        }) = &family.stage
        else {
            return Err(Refusal::Unknown);
        };
        if !resume.is_of(&self.resume) {
            return Err(Refusal::Unknown);
        }
        if !browser.is_of(&self.browser) {
            return Err(Refusal::OtherBrowser);
        }
        let code = family.key.derive("code", &[self.resume.octets()]);
        let answer = |code| Resumed {
            redirect_uri: request.redirect_uri.clone(),
            state: request.state.clone(),
            code,
        };
        let (person, scope) = match &family.stage {
            Stage::Decided {
                decision: Decision::Accepted { person, scope },
                ..
            } => (person.clone(), scope.clone()),
            Stage::Decided {
                decision: Decision::Rejected { error },
                ..
            } => return Ok(answer(Err(error.clone()))),
            _ => return Ok(answer(Ok(code))),
        };
        let resumed = answer(Ok(code.clone()));
        let grant = Grant {
            scope: scope.unwrap_or_else(|| request.scope.clone()),
            audience: request.audience.clone(),
            person: Some(person),
        };
        family.stage = Stage::Coded {
            resume: resume.clone(),
            browser: browser.clone(),
            code: code.hash(),
            request: request.clone(),
            grant,
            expires_at: now.plus(self.code_ttl),
        };
        Ok(resumed)
    }
}

/// A client redeems its code (RFC 6749 §4.1.3, RFC 7636 §4.6), once.
#[derive(Clone)]
pub struct Redeem {
    /// The code.
    pub code: Secret,
    /// The client.
    pub client_id: ClientId,
    /// The redirect URI that it names.
    pub redirect_uri: Option<String>,
    /// Whether it need not name the one that its authorization request named.
    pub redirect_uri_optional: bool,
    /// The PKCE verifier.
    pub code_verifier: Option<String>,
    /// Whom its access token shall be for; empty when it does not say.
    pub audience: Vec<String>,
    /// Whom its tokens may be for at all.
    pub allowed_audience: Vec<String>,
    /// When its access token will end.
    pub access_until: UnixTime,
    /// Whether it gets a refresh token, and how long those live.
    pub refresh: Option<RefreshPolicy>,
}

wire!(struct Redeem { code, client_id, redirect_uri, redirect_uri_optional, code_verifier, audience, allowed_audience, access_until, refresh });

/// What a client gets.
#[derive(Clone, Debug)]
pub struct Granted {
    /// For what.
    pub grant: Grant,
    /// What its ID token repeats of the authorization request.
    pub nonce: Option<String>,
    /// To go on with.
    pub refresh: Option<IssuedRefresh>,
}

wire!(struct Granted { grant, nonce, refresh });

impl Act for Redeem {
    const NAME: &'static str = "redeem";
    type Answer = Granted;

    fn is_idempotent(&self) -> bool {
        false
    }

    fn decide(self, slot: &mut Option<Family>, now: UnixTime) -> Result<Granted, Refusal> {
        let family = living(slot, now)?;
        let (Stage::Coded { code, .. }
        | Stage::Granted {
            code: Some(code), ..
        }) = &family.stage
        else {
            return Err(Refusal::Unknown);
        };
        if !code.is_of(&self.code) {
            return Err(Refusal::Unknown);
        }
        if family.client_id != self.client_id {
            return Err(Refusal::OtherClient);
        }
        let Stage::Coded { request, grant, .. } = &family.stage else {
            *slot = None;
            return Err(Refusal::Replayed);
        };
        let redirect_uri_fits = match &self.redirect_uri {
            Some(uri) => *uri == request.redirect_uri,
            None => self.redirect_uri_optional || !request.redirect_uri_given,
        };
        if !redirect_uri_fits {
            return Err(Refusal::RedirectUri);
        }
        if !fits(
            self.code_verifier.as_deref(),
            request.code_challenge.as_deref(),
        ) {
            return Err(Refusal::Verifier);
        }
        let audience = narrowed(self.audience, &grant.audience, &self.allowed_audience)?;
        let (refresh, issued) = self
            .refresh
            .map(|policy| {
                let seed = family.key.derive("seed", &[self.code.octets()]);
                let refresh = Refresh::first(&seed, policy.lifetimes(&grant.scope), now);
                let issued = refresh.issue(&family.key, &seed, &grant.scope);
                (refresh, issued)
            })
            .unzip();
        let granted = Granted {
            grant: Grant {
                audience,
                ..grant.clone()
            },
            nonce: request.nonce.clone(),
            refresh: issued,
        };
        family.stage = Stage::Granted {
            code: Some(code.clone()),
            grant: grant.clone(),
            access_until: self.access_until,
            refresh,
        };
        Ok(granted)
    }
}

/// The audience that is asked for, within the one that was granted if that is any, else the granted;
/// of both what is allowed still, which may not be nothing. Empty when nobody asked for one.
fn narrowed(
    requested: Vec<String>,
    granted: &[String],
    allowed: &[String],
) -> Result<Vec<String>, Refusal> {
    let mut audience = match requested.is_empty() {
        true => granted.to_vec(),
        false => requested,
    };
    let exceeds = |one: &String| !granted.is_empty() && !granted.contains(one);
    let asked_for_one = !audience.is_empty();
    if audience.iter().any(exceeds) {
        return Err(Refusal::Audience);
    }
    audience.retain(|one| allowed.contains(one));
    match asked_for_one && audience.is_empty() {
        true => Err(Refusal::Audience),
        false => Ok(audience),
    }
}

/// Whether a PKCE verifier fits the challenge (RFC 7636 §4.6): both there or both not.
fn fits(verifier: Option<&str>, challenge: Option<&str>) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    match (verifier, challenge) {
        (None, None) => true,
        (Some(verifier), Some(challenge)) => {
            let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
            (43..=128).contains(&verifier.len())
                && verifier.bytes().all(unreserved)
                && computed.as_bytes().ct_eq(challenge.as_bytes()).into()
        }
        _ => false,
    }
}

/// A client presents a refresh token (RFC 6749 §6).
#[derive(Clone, Debug)]
pub struct RefreshTokens {
    /// The token, but for the family's id.
    pub token: RefreshPart,
    /// The client.
    pub client_id: ClientId,
    /// What it asks for, if not for all that was granted.
    pub scope: Option<ScopeSet>,
    /// Whom its access token shall be for; empty when it does not say.
    pub audience: Vec<String>,
    /// Whom its tokens may be for at all.
    pub allowed_audience: Vec<String>,
    /// When its access token will end.
    pub access_until: UnixTime,
    /// How long refresh tokens live.
    pub policy: RefreshPolicy,
}

wire!(struct RefreshTokens { token, client_id, scope, audience, allowed_audience, access_until, policy });

impl Act for RefreshTokens {
    const NAME: &'static str = "refresh";
    type Answer = Granted;

    fn is_idempotent(&self) -> bool {
        self.policy.grace > Seconds(0)
    }

    fn decide(self, slot: &mut Option<Family>, now: UnixTime) -> Result<Granted, Refusal> {
        let family = living(slot, now)?;
        let Stage::Granted {
            grant,
            access_until,
            refresh: Some(refresh),
            ..
        } = &mut family.stage
        else {
            return Err(Refusal::Unknown);
        };
        let RefreshPart {
            seed, generation, ..
        } = &self.token;
        let genuine = refresh.seed.is_of(seed)
            && self.token == RefreshPart::derive(&family.key, seed, *generation)
            && *generation <= refresh.generation;
        if !genuine {
            return Err(Refusal::Unknown);
        }
        if family.client_id != self.client_id {
            return Err(Refusal::OtherClient);
        }
        // The token before the one that is good, until that one is used or the grace is over.
        let is_retry = generation.checked_add(1) == Some(refresh.generation)
            && now.since(refresh.rotated_at) < self.policy.grace;
        if *generation != refresh.generation && !is_retry {
            *slot = None;
            return Err(Refusal::Replayed);
        }
        if refresh.idle_until <= now {
            return Err(Refusal::Expired);
        }
        let scope = self.scope.unwrap_or_else(|| grant.scope.clone());
        if !scope.is_subset(&grant.scope) {
            return Err(Refusal::Scope);
        }
        let audience = narrowed(self.audience, &grant.audience, &self.allowed_audience)?;
        if !is_retry {
            refresh.generation = generation.checked_add(1).ok_or(Refusal::Expired)?;
            refresh.rotated_at = now;
            let idle = self.policy.lifetimes(&grant.scope).idle;
            refresh.idle_until = now.plus(idle).min(refresh.absolute_until);
        }
        *access_until = self.access_until.max(*access_until);
        let issued = refresh.issue(&family.key, seed, &grant.scope);
        Ok(Granted {
            grant: Grant {
                scope,
                audience,
                person: grant.person.clone(),
            },
            nonce: None,
            refresh: Some(issued),
        })
    }
}

/// Somebody who has a token of the family asks what it grants.
#[derive(Clone, Debug)]
pub struct Show;

impl Wire for Show {
    fn to_json(&self) -> Value {
        Value::Object(Map::new())
    }

    fn from_json(_: Value) -> Option<Self> {
        Some(Self)
    }
}

/// What a family grants, and to whom.
#[derive(Clone, Debug)]
pub struct Shown {
    /// To which client.
    pub client_id: ClientId,
    /// What.
    pub grant: Grant,
}

wire!(struct Shown { client_id, grant });

impl Act for Show {
    const NAME: &'static str = "show";
    type Answer = Shown;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Shown, Refusal> {
        let family = living(family, now)?;
        match &family.stage {
            Stage::Granted { grant, .. } => Ok(Shown {
                client_id: family.client_id.clone(),
                grant: grant.clone(),
            }),
            _ => Err(Refusal::Unknown),
        }
    }
}

/// The family ends, as its client wishes.
#[derive(Clone, Debug)]
pub struct End {
    /// The client.
    pub client_id: ClientId,
}

wire!(struct End { client_id });

impl Act for End {
    const NAME: &'static str = "end";
    type Answer = ();

    fn decide(self, slot: &mut Option<Family>, now: UnixTime) -> Result<(), Refusal> {
        if living(slot, now)?.client_id != self.client_id {
            return Err(Refusal::OtherClient);
        }
        *slot = None;
        Ok(())
    }
}
