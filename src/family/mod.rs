//! Grant families: what follows from one authorization request, or from one token request that
//! begins with a refresh token.
//!
//! A family goes from its ticket to its code to its refresh tokens, one way, and each of them is
//! good once. [`Family`] is all that is stored of it; the acts in [`act`] are all that can happen
//! to it, pure functions of the family and the moment. Whoever stores a family lets one act happen
//! after another, never two at once; then "at most once" holds whatever clients do.
//!
//! A family that has ended is gone: revoked, expired and never begun look alike.

pub mod act;
mod id;
mod refusal;
mod secret;
mod visits;

use serde_json::Value;

pub use self::id::{FamilyId, object_name, tag};
pub use self::refusal::Refusal;
pub use self::secret::{Handle, RefreshPart, RefreshToken, Secret, SecretHash};
use self::visits::Visits;
use crate::json::{Json, impl_json};
use crate::name::ClientId;
use crate::person::Person;
use crate::proof::confirmation::Confirmation;
use crate::scope::ScopeSet;
use crate::stored::{FIRST_FORMAT, Unreadable};
use crate::time::{Seconds, UnixTime};

/// The scope token that asks for refresh tokens which outlive the person's presence (OpenID Connect
/// Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// All that is stored of a family.
///
/// An optional member may be added within its format: earlier versions ignore it, and later ones
/// read `None` where it is not. One that restricts what the family grants may not: a version that
/// does not know it must not go on without it, so families that have it need the next format.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    format: Format,
    /// What its codes and refresh tokens are derived with. It alone makes none.
    key: Secret,
    /// The only client that can go on with it.
    client_id: ClientId,
    /// When it began; `None` until it does, and in what earlier versions wrote.
    begun_at: Option<UnixTime>,
    stage: Stage,
}

impl_json!(struct Family { format, key, client_id, begun_at, stage });

/// The one format of families so far, which the first versions did not write down.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Format;

impl Json for Format {
    fn to_json(&self) -> Value {
        FIRST_FORMAT.into()
    }

    fn from_json(value: Value) -> Option<Self> {
        (value.is_null() || value.as_u64() == Some(FIRST_FORMAT)).then_some(Self)
    }
}

/// How far a family has come.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// The client pushed its request (RFC 9126) and has its URI, which browsers bring until it ends.
    Pushed {
        request_uri: SecretHash,
        request: AuthorizationRequest,
        expires_at: UnixTime,
        visits: Visits,
    },
    /// A browser has the ticket and a cookie; the login application decides, once.
    Asked {
        ticket: SecretHash,
        browser: SecretHash,
        request: AuthorizationRequest,
        expires_at: UnixTime,
    },
    /// The browser in which the person decided has a secret of its own to come back with. Only
    /// if it is the one that began does it have the cookie too.
    Decided {
        ticket: SecretHash,
        resume: SecretHash,
        browser: SecretHash,
        request: AuthorizationRequest,
        decision: Decision,
        expires_at: UnixTime,
    },
    /// The browser took the code to the client.
    Coded {
        resume: SecretHash,
        browser: SecretHash,
        code: SecretHash,
        request: AuthorizationRequest,
        grant: Grant,
        expires_at: UnixTime,
    },
    /// The client has tokens.
    Granted {
        code: Option<SecretHash>,
        /// What its code was redeemed with. `None` in what versions before 2026-12 wrote, and
        /// without a code.
        binding: Option<CodeBinding>,
        grant: Grant,
        /// When the last of its access tokens ends.
        access_until: UnixTime,
        refresh: Option<Refresh>,
    },
    /// Not a family that ends, but a person whose browser signs out: it is at the login application.
    SigningOut {
        ticket: SecretHash,
        sub: String,
        redirect_to: String,
        expires_at: UnixTime,
    },
}

impl_json!(
    enum Stage {
        Pushed { request_uri, request, expires_at, visits },
        Asked { ticket, browser, request, expires_at },
        Decided { ticket, resume, browser, request, decision, expires_at },
        Coded { resume, browser, code, request, grant, expires_at },
        Granted { code, binding, grant, access_until, refresh },
        SigningOut { ticket, sub, redirect_to, expires_at },
    }
);

/// The refresh tokens of a family: generation after generation, one at a time.
#[derive(Clone, Debug, PartialEq)]
struct Refresh {
    seed: SecretHash,
    /// The generation that is good now.
    generation: u32,
    /// When it took over.
    rotated_at: UnixTime,
    /// When it ends if it is not used.
    idle_until: UnixTime,
    /// When the last one ends.
    absolute_until: UnixTime,
    /// Who alone can use them.
    confirmation: Confirmation,
}

impl_json!(struct Refresh { seed, generation, rotated_at, idle_until, absolute_until, confirmation });

/// What a client asks for (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1), checked.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorizationRequest {
    /// Where the answer goes.
    pub redirect_uri: String,
    /// Whether the request named it, so that the token request must too (RFC 6749 §4.1.3).
    pub redirect_uri_given: bool,
    /// What the client gets back as it was.
    pub state: Option<String>,
    /// What it asks for.
    pub scope: ScopeSet,
    /// Whom its tokens shall be for (RFC 8707 §2.1); empty when it does not say.
    pub audience: Vec<String>,
    /// What its ID token shall repeat.
    pub nonce: Option<String>,
    /// The PKCE challenge, by S256 (RFC 7636 §4.2).
    pub code_challenge: Option<String>,
    /// The thumbprint of the key that must sign the proof with the code (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
    /// Whether the person may or must be asked.
    pub prompt: Option<String>,
    /// How long ago the person may have signed in.
    pub max_age: Option<Seconds>,
    /// How the person should sign in.
    pub acr_values: Option<String>,
    /// Who the person may be.
    pub login_hint: Option<String>,
    /// How the answer goes there.
    pub response_mode: ResponseMode,
}

impl_json!(struct AuthorizationRequest { redirect_uri, redirect_uri_given, state, scope, audience, nonce, code_challenge, dpop_jkt, prompt, max_age, acr_values, login_hint, response_mode });

/// How an answer goes to the client's redirect URI.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResponseMode {
    /// In its query (OAuth 2.0 Multiple Response Types §2.1).
    #[default]
    Query,
    /// By a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Query, Self::FormPost];

    /// Its value of `response_mode`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }

    /// The mode of that value.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// Its name; `null` is the query, since earlier versions wrote no such member.
impl Json for ResponseMode {
    fn to_json(&self) -> Value {
        self.name().into()
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::default()),
            value => Self::parse(value.as_str()?),
        }
    }
}

/// What a client must show with a code, whoever it is (RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9449 §10).
#[derive(Clone, Debug, PartialEq)]
struct CodeBinding {
    redirect_uri: String,
    redirect_uri_given: bool,
    code_challenge: Option<String>,
    dpop_jkt: Option<String>,
}

impl_json!(struct CodeBinding { redirect_uri, redirect_uri_given, code_challenge, dpop_jkt });

impl CodeBinding {
    /// What a request binds its code to.
    fn of(request: &AuthorizationRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            redirect_uri_given: request.redirect_uri_given,
            code_challenge: request.code_challenge.clone(),
            dpop_jkt: request.dpop_jkt.clone(),
        }
    }
}

/// What the login application decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The person signed in and agreed.
    Accepted {
        /// Who.
        person: Person,
        /// What they agreed to, within what was asked for; all of it when it does not say.
        scope: Option<ScopeSet>,
    },
    /// No code, but this error (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
    Rejected {
        /// The error.
        error: String,
    },
}

impl_json!(
    enum Decision {
        Accepted { person, scope },
        Rejected { error },
    }
);

/// What a family grants.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// What its tokens may be used for.
    pub scope: ScopeSet,
    /// Whom they are for, if the authorization request said so.
    pub audience: Vec<String>,
    /// In whose name; nobody's when the client asked for itself.
    pub person: Option<Person>,
}

impl_json!(struct Grant { scope, audience, person });

/// How long refresh tokens live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshLifetimes {
    /// Each of them, unused.
    pub idle: Seconds,
    /// All of a family together.
    pub absolute: Seconds,
}

impl_json!(struct RefreshLifetimes { idle, absolute });

/// What a realm lets refresh tokens do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshPolicy {
    /// The lifetimes without `offline_access`.
    pub online: RefreshLifetimes,
    /// The lifetimes with it.
    pub offline: RefreshLifetimes,
    /// How long a used token may be tried again, for the answer that was lost.
    pub grace: Seconds,
}

impl_json!(struct RefreshPolicy { online, offline, grace });

impl RefreshPolicy {
    fn lifetimes(&self, scope: &ScopeSet) -> RefreshLifetimes {
        match scope.contains(OFFLINE_ACCESS) {
            true => self.offline,
            false => self.online,
        }
    }
}

impl Family {
    /// A family that begins with a pushed request, whose URI has the secret `request_uri`.
    #[must_use]
    pub fn pushed(
        key: Secret,
        client_id: ClientId,
        request: AuthorizationRequest,
        request_uri: &Secret,
        expires_at: UnixTime,
    ) -> Self {
        let stage = Stage::Pushed {
            request_uri: request_uri.hash(),
            request,
            expires_at,
            visits: Visits::default(),
        };
        Self {
            format: Format,
            key,
            client_id,
            begun_at: None,
            stage,
        }
    }

    /// A family that begins with a browser at the authorization endpoint.
    #[must_use]
    pub fn asked(
        key: Secret,
        client_id: ClientId,
        request: AuthorizationRequest,
        ticket: &Secret,
        browser: &Secret,
        expires_at: UnixTime,
    ) -> Self {
        let stage = Stage::Asked {
            ticket: ticket.hash(),
            browser: browser.hash(),
            request,
            expires_at,
        };
        Self {
            format: Format,
            key,
            client_id,
            begun_at: None,
            stage,
        }
    }

    /// A person who signs out, with the ticket of their browser and where it then goes.
    #[must_use]
    pub fn signing_out(
        key: Secret,
        client_id: ClientId,
        sub: String,
        redirect_to: String,
        ticket: &Secret,
        expires_at: UnixTime,
    ) -> Self {
        let stage = Stage::SigningOut {
            ticket: ticket.hash(),
            sub,
            redirect_to,
            expires_at,
        };
        Self {
            format: Format,
            key,
            client_id,
            begun_at: None,
            stage,
        }
    }

    /// A family that begins with a refresh token of a client that authenticates, and that token.
    #[must_use]
    pub fn granted(
        key: Secret,
        client_id: ClientId,
        grant: Grant,
        seed: &Secret,
        policy: &RefreshPolicy,
        access_until: UnixTime,
        now: UnixTime,
    ) -> (Self, IssuedRefresh) {
        let lifetimes = policy.lifetimes(&grant.scope);
        let refresh = Refresh::first(seed, lifetimes, Confirmation::default(), now);
        let issued = refresh.issue(&key, seed, &grant.scope);
        let stage = Stage::Granted {
            code: None,
            binding: None,
            grant,
            access_until,
            refresh: Some(refresh),
        };
        let family = Self {
            format: Format,
            key,
            client_id,
            begun_at: None,
            stage,
        };
        (family, issued)
    }

    /// Reads what an object stores of it.
    ///
    /// # Errors
    /// [`Unreadable`]: it is then to be left for the version that wrote it.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        Self::from_text(text).ok_or_else(|| Unreadable::of("family", text))
    }

    /// When nothing of it is good any more.
    #[must_use]
    pub fn ends_at(&self) -> UnixTime {
        match &self.stage {
            Stage::Pushed {
                expires_at, visits, ..
            } => visits
                .end_at()
                .map_or(*expires_at, |end| end.max(*expires_at)),
            Stage::Asked { expires_at, .. }
            | Stage::Decided { expires_at, .. }
            | Stage::Coded { expires_at, .. }
            | Stage::SigningOut { expires_at, .. } => *expires_at,
            Stage::Granted {
                access_until,
                refresh,
                ..
            } => refresh.as_ref().map_or(*access_until, |refresh| {
                refresh.idle_until.max(*access_until)
            }),
        }
    }
}

impl Refresh {
    fn first(
        seed: &Secret,
        lifetimes: RefreshLifetimes,
        confirmation: Confirmation,
        now: UnixTime,
    ) -> Self {
        let absolute_until = now.plus(lifetimes.absolute);
        Self {
            seed: seed.hash(),
            generation: 0,
            rotated_at: now,
            idle_until: now.plus(lifetimes.idle).min(absolute_until),
            absolute_until,
            confirmation,
        }
    }

    /// Whether `token` is, or once was, one of them.
    fn has_issued(&self, token: &RefreshPart, key: &Secret) -> bool {
        self.seed.is_of(&token.seed)
            && *token == RefreshPart::derive(key, &token.seed, token.generation)
            && token.generation <= self.generation
    }

    /// Whether a generation is the one before that which is good, for the answer that was lost: until
    /// that one is used or the grace is over.
    fn is_retry(&self, generation: u32, grace: Seconds, now: UnixTime) -> bool {
        generation.checked_add(1) == Some(self.generation) && now.since(self.rotated_at) < grace
    }

    /// The token of the generation that is good now.
    fn issue(&self, key: &Secret, seed: &Secret, scope: &ScopeSet) -> IssuedRefresh {
        IssuedRefresh {
            part: RefreshPart::derive(key, seed, self.generation),
            expires_at: self.idle_until,
            offline: scope.contains(OFFLINE_ACCESS),
        }
    }
}

/// A refresh token for a client.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuedRefresh {
    /// What it has besides the family's id.
    pub part: RefreshPart,
    /// When it ends if it is not used.
    pub expires_at: UnixTime,
    /// Whether it outlives the person's presence.
    pub offline: bool,
}

impl_json!(struct IssuedRefresh { part, expires_at, offline });
