//! What a client does with codes and refresh tokens at the token endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Act, living};
use crate::family::{
    CodeBinding, Family, Grant, IssuedRefresh, Refresh, RefreshPart, RefreshPolicy, Refusal,
    Secret, Stage,
};
use crate::json::impl_json;
use crate::name::ClientId;
use crate::proof::confirmation::Confirmation;
use crate::scope::ScopeSet;
use crate::time::{Seconds, UnixTime};

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
    /// The key and certificate that it shows.
    pub confirmation: Confirmation,
    /// Which of them its refresh tokens are bound to.
    pub refresh_confirmation: Confirmation,
}

impl_json!(struct Redeem { code, client_id, redirect_uri, redirect_uri_optional, code_verifier, audience, allowed_audience, access_until, refresh, confirmation, refresh_confirmation });

/// What a client gets.
#[derive(Clone, Debug)]
pub struct Granted {
    /// For what.
    pub grant: Grant,
    /// What its ID token repeats of the authorization request.
    pub nonce: Option<String>,
    /// To go on with.
    pub refresh: Option<IssuedRefresh>,
    /// When the family began.
    pub begun_at: Option<UnixTime>,
}

impl_json!(struct Granted { grant, nonce, refresh, begun_at });

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
        let binding = match &family.stage {
            Stage::Coded { request, .. } => Some(CodeBinding::of(request)),
            Stage::Granted { binding, .. } => binding.clone(),
            _ => None,
        };
        // Also before a use counts as a replay: a code alone, which browsers' histories and logs
        // have, must not end what it gave.
        if let Some(binding) = &binding {
            self.check(binding)?;
        }
        let Stage::Coded { request, grant, .. } = &family.stage else {
            *slot = None;
            return Err(Refusal::Replayed);
        };
        let audience = narrowed(self.audience, &grant.audience, &self.allowed_audience)?;
        let (refresh, issued) = self
            .refresh
            .map(|policy| {
                let seed = family.key.derive("seed", &[self.code.octets()]);
                let lifetimes = policy.lifetimes(&grant.scope);
                let refresh = Refresh::first(&seed, lifetimes, self.refresh_confirmation, now);
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
            begun_at: family.begun_at,
        };
        family.stage = Stage::Granted {
            code: Some(code.clone()),
            binding,
            grant: grant.clone(),
            access_until: self.access_until,
            refresh,
        };
        Ok(granted)
    }
}

impl Redeem {
    /// Checks what the code is bound to.
    fn check(&self, binding: &CodeBinding) -> Result<(), Refusal> {
        let redirect_uri_fits = match &self.redirect_uri {
            Some(uri) => *uri == binding.redirect_uri,
            None => self.redirect_uri_optional || !binding.redirect_uri_given,
        };
        if !redirect_uri_fits {
            return Err(Refusal::RedirectUri);
        }
        let verifier = self.code_verifier.as_deref();
        if !fits(verifier, binding.code_challenge.as_deref()) {
            return Err(Refusal::Verifier);
        }
        if binding.dpop_jkt.is_some() && binding.dpop_jkt != self.confirmation.jkt {
            return Err(Refusal::Confirmation);
        }
        Ok(())
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
    /// What it gets besides what it asks for, as far as that was granted; an act of an older version
    /// has none.
    pub added_scope: Option<ScopeSet>,
    /// Whom its access token shall be for; empty when it does not say.
    pub audience: Vec<String>,
    /// Whom its tokens may be for at all.
    pub allowed_audience: Vec<String>,
    /// When its access token will end.
    pub access_until: UnixTime,
    /// How long refresh tokens live.
    pub policy: RefreshPolicy,
    /// The key and certificate that it shows.
    pub confirmation: Confirmation,
}

impl_json!(struct RefreshTokens { token, client_id, scope, added_scope, audience, allowed_audience, access_until, policy, confirmation });

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
        if !refresh.has_issued(&self.token, &family.key) {
            return Err(Refusal::Unknown);
        }
        if family.client_id != self.client_id {
            return Err(Refusal::OtherClient);
        }
        // Before a use counts at all: who stole the token without the key must not end the family.
        if !refresh.confirmation.is_met_by(&self.confirmation) {
            return Err(Refusal::Confirmation);
        }
        let generation = self.token.generation;
        let is_retry = refresh.is_retry(generation, self.policy.grace, now);
        if generation != refresh.generation && !is_retry {
            *slot = None;
            return Err(Refusal::Replayed);
        }
        if refresh.idle_until <= now {
            return Err(Refusal::Expired);
        }
        let scope = match self.scope {
            None => grant.scope.clone(),
            Some(scope) => {
                let added = self.added_scope.unwrap_or_default();
                if !scope.clone().without(&added).is_subset(&grant.scope) {
                    return Err(Refusal::Scope);
                }
                // What a client gets without asking is no excess when it asks.
                scope.with(&added).intersection(&grant.scope)
            }
        };
        let audience = narrowed(self.audience, &grant.audience, &self.allowed_audience)?;
        if !is_retry {
            refresh.generation = generation.checked_add(1).ok_or(Refusal::Expired)?;
            refresh.rotated_at = now;
            let idle = self.policy.lifetimes(&grant.scope).idle;
            refresh.idle_until = now.plus(idle).min(refresh.absolute_until);
        }
        *access_until = self.access_until.max(*access_until);
        let issued = refresh.issue(&family.key, &self.token.seed, &grant.scope);
        Ok(Granted {
            grant: Grant {
                scope,
                audience,
                person: grant.person.clone(),
            },
            nonce: None,
            refresh: Some(issued),
            begun_at: family.begun_at,
        })
    }
}

/// Somebody who has a refresh token asks whether it is good, and for what (RFC 7662). It is not used.
#[derive(Clone, Debug)]
pub struct InspectRefresh {
    /// The token, but for the family's id.
    pub token: RefreshPart,
    /// How long a used one may be tried again.
    pub grace: Seconds,
}

impl_json!(struct InspectRefresh { token, grace });

/// What a good refresh token is.
#[derive(Clone, Debug)]
pub struct InspectedRefresh {
    /// Whose.
    pub client_id: ClientId,
    /// For what.
    pub grant: Grant,
    /// When the family began.
    pub begun_at: Option<UnixTime>,
    /// When it ends if it is not used.
    pub expires_at: UnixTime,
    /// Who alone can use it.
    pub confirmation: Confirmation,
    /// When it was used, if it can only be tried again.
    pub used_at: Option<UnixTime>,
}

impl_json!(struct InspectedRefresh { client_id, grant, begun_at, expires_at, confirmation, used_at });

impl Act for InspectRefresh {
    const NAME: &'static str = "inspect-refresh";
    type Answer = InspectedRefresh;

    fn decide(self, slot: &mut Option<Family>, now: UnixTime) -> Result<InspectedRefresh, Refusal> {
        let family = living(slot, now)?;
        let Stage::Granted {
            grant,
            refresh: Some(refresh),
            ..
        } = &family.stage
        else {
            return Err(Refusal::Unknown);
        };
        if !refresh.has_issued(&self.token, &family.key) {
            return Err(Refusal::Unknown);
        }
        let generation = self.token.generation;
        let is_good =
            generation == refresh.generation || refresh.is_retry(generation, self.grace, now);
        if !is_good || refresh.idle_until <= now {
            return Err(Refusal::Expired);
        }
        Ok(InspectedRefresh {
            client_id: family.client_id.clone(),
            grant: grant.clone(),
            begun_at: family.begun_at,
            expires_at: refresh.idle_until,
            confirmation: refresh.confirmation.clone(),
            used_at: (generation != refresh.generation).then_some(refresh.rotated_at),
        })
    }
}

/// A client revokes a refresh token, good or used before, and with it the family (RFC 7009 §2.1).
#[derive(Clone, Debug)]
pub struct RevokeRefresh {
    /// The token, but for the family's id.
    pub token: RefreshPart,
    /// The client.
    pub client_id: ClientId,
}

impl_json!(struct RevokeRefresh { token, client_id });

impl Act for RevokeRefresh {
    const NAME: &'static str = "revoke-refresh";
    type Answer = ();

    fn decide(self, slot: &mut Option<Family>, now: UnixTime) -> Result<(), Refusal> {
        let family = living(slot, now)?;
        let Stage::Granted {
            refresh: Some(refresh),
            ..
        } = &family.stage
        else {
            return Err(Refusal::Unknown);
        };
        if !refresh.has_issued(&self.token, &family.key) {
            return Err(Refusal::Unknown);
        }
        if family.client_id != self.client_id {
            return Err(Refusal::OtherClient);
        }
        *slot = None;
        Ok(())
    }
}
