//! From the authorization endpoint by way of the login application back to the client.

use serde_json::Value;

use super::{Act, living};
use crate::family::visits::Visit;
use crate::family::{
    AuthorizationRequest, Decision, Family, Grant, Refusal, ResponseMode, Secret, SecretHash, Stage,
};
use crate::json::{Json, impl_json};
use crate::name::ClientId;
use crate::time::{MAX_AHEAD, Seconds, UnixTime};

/// A browser brings the URI of a pushed request to the authorization endpoint (RFC 9126 §4). It may
/// come again, and others may come, until the login application decides one of their tickets.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The secret of the URI.
    pub request_uri: Secret,
    /// The client that the browser names.
    pub client_id: ClientId,
    /// What remains of the ticket that it gets.
    pub ticket: SecretHash,
    /// What remains of the cookie that it gets, unless it has one already.
    pub browser: SecretHash,
    /// The cookie that it brings, if any.
    pub cookie: Option<Secret>,
    /// When ticket and cookie end.
    pub expires_at: UnixTime,
}

impl_json!(struct Ask { request_uri, client_id, ticket, browser, cookie, expires_at });

impl Act for Ask {
    const NAME: &'static str = "ask";
    type Answer = Visitor;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Visitor, Refusal> {
        let family = living(family, now)?;
        let Stage::Pushed {
            request_uri,
            expires_at,
            visits,
            ..
        } = &mut family.stage
        else {
            return Err(Refusal::Unknown);
        };
        if !request_uri.is_of(&self.request_uri) {
            return Err(Refusal::Unknown);
        }
        if family.client_id != self.client_id {
            return Err(Refusal::OtherClient);
        }
        if *expires_at <= now {
            return Err(Refusal::Expired);
        }
        let known = self.cookie.and_then(|cookie| visits.browser(&cookie));
        let known = known.cloned();
        let visitor = match &known {
            Some(_) => Visitor::Known,
            None => Visitor::New,
        };
        visits.add(Visit {
            ticket: self.ticket,
            browser: known.unwrap_or(self.browser),
            expires_at: self.expires_at,
        });
        Ok(visitor)
    }
}

/// Whether the cookie that a browser brings is one of an earlier visit. Then it stays, so that the
/// person can go on with any of the tickets that this browser got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Visitor {
    /// The cookie is the one that the act has.
    New,
    /// It is the one that the browser brings.
    Known,
}

/// `null` for a new one, which is all that earlier versions know.
impl Json for Visitor {
    fn to_json(&self) -> Value {
        match self {
            Self::New => Value::Null,
            Self::Known => "known".into(),
        }
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::New),
            Value::String(text) if text == "known" => Some(Self::Known),
            _ => None,
        }
    }
}

/// What a ticket that is not decided yet belongs to.
struct Open<'a> {
    browser: &'a SecretHash,
    request: &'a AuthorizationRequest,
    expires_at: UnixTime,
}

impl Open<'_> {
    /// Finds it; `None` for what is no ticket of the family, or no open one.
    fn find<'a>(family: &'a Family, ticket: &Secret) -> Option<Open<'a>> {
        let (browser, request, expires_at) = match &family.stage {
            Stage::Asked {
                ticket: known,
                browser,
                request,
                expires_at,
            } if known.is_of(ticket) => (browser, request, *expires_at),
            Stage::Pushed {
                request, visits, ..
            } => {
                let visit = visits.of_ticket(ticket)?;
                (&visit.browser, request, visit.expires_at)
            }
            _ => return None,
        };
        Some(Open {
            browser,
            request,
            expires_at,
        })
    }
}

/// The login application reads what a ticket asks.
#[derive(Clone, Debug)]
pub struct Look {
    /// The ticket.
    pub ticket: Secret,
}

impl_json!(struct Look { ticket });

/// What a ticket asks.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which client.
    pub client_id: ClientId,
    /// For what.
    pub request: AuthorizationRequest,
}

impl_json!(struct Asked { client_id, request });

impl Act for Look {
    const NAME: &'static str = "look";
    type Answer = Asked;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Asked, Refusal> {
        let family = living(family, now)?;
        match (Open::find(family, &self.ticket), &family.stage) {
            (Some(open), _) if open.expires_at <= now => Err(Refusal::Expired),
            (Some(open), _) => Ok(Asked {
                client_id: family.client_id.clone(),
                request: open.request.clone(),
            }),
            (None, Stage::Decided { ticket, .. }) if ticket.is_of(&self.ticket) => {
                Err(Refusal::Decided)
            }
            (None, _) => Err(Refusal::Unknown),
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

impl_json!(struct Decide { ticket, decision });

impl Act for Decide {
    const NAME: &'static str = "decide";
    type Answer = Secret;

    fn decide(self, family: &mut Option<Family>, now: UnixTime) -> Result<Secret, Refusal> {
        let family = living(family, now)?;
        let resume = family.key.derive("resume", &[self.ticket.octets()]);
        let (open, ticket) = match (Open::find(family, &self.ticket), &family.stage) {
            (Some(open), _) if open.expires_at <= now => return Err(Refusal::Expired),
            (Some(open), _) => (open, self.ticket.hash()),
            (
                None,
                Stage::Decided {
                    ticket, decision, ..
                },
            ) if ticket.is_of(&self.ticket) => {
                return match *decision == self.decision {
                    true => Ok(resume),
                    false => Err(Refusal::Decided),
                };
            }
            (None, _) => return Err(Refusal::Unknown),
        };
        let request = open.request;
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
        // The request URI and all other tickets are over with it.
        family.stage = Stage::Decided {
            ticket,
            resume: resume.hash(),
            browser: open.browser.clone(),
            request: request.clone(),
            decision: self.decision,
            expires_at: open.expires_at,
        };
        Ok(resume)
    }
}

/// How much longer than `max_age` ago a person may have signed in: meanwhile they agree, and the
/// login application's clock can be behind ours.
const LEEWAY: Seconds = Seconds(60);

/// Whether a person signed in before now, and within `max_age` (OpenID Connect Core §3.1.2.1).
fn is_recent(auth_time: Option<UnixTime>, max_age: Option<Seconds>, now: UnixTime) -> bool {
    auth_time.is_none_or(|auth_time| auth_time <= now.plus(MAX_AHEAD))
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

impl_json!(struct Resume { resume, browser, code_ttl });

/// What the browser takes to the client.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// Where to.
    pub redirect_uri: String,
    /// How.
    pub response_mode: ResponseMode,
    /// What the client wants back.
    pub state: Option<String>,
    /// The secret of the code, or an error.
    pub code: Result<Secret, String>,
}

impl_json!(struct Resumed { redirect_uri, response_mode, state, code });

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
            response_mode: request.response_mode,
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
