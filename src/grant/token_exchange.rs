//! Token exchange (RFC 8693): a client that has somebody's token gets one of its own for it, with
//! less in it, which says for whom and by whom.

use serde_json::{Map, Value};

use super::trusted_assertion::{self, Asserted};
use super::{
    Outcome, TokenRequest, TokenResponse, added_scope, allowed_audience, existing, hidden_scope,
    issue_for, lifetime, owned, targets,
};
use crate::client::Client;
use crate::context::Context;
use crate::dialect::Source;
use crate::error::{ExchangeError, MAX_ACTORS, MAX_ORIGINS};
use crate::error::{Failure, Rejection};
use crate::family::{FamilyId, Grant};
use crate::json::put;
use crate::person::Person;
use crate::proof::assertion::{AssertionError, Profile};
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::store::Store;
use crate::time::UnixTime;
use crate::token::access_token::{AccessToken, EXCHANGED_FROM, Origin, add_origins, origins_claim};

/// The token types (RFC 8693 §3) that are taken and issued: access tokens of this realm, which are
/// JWTs, and JWTs of trusted issuers, which are only taken.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is asked of a trusted issuer's token. It may be used again while it lasts.
const PROFILE: Profile = Profile {
    types: &["JWT", "at+jwt"],
    max_lifetime: None,
    needs_jti: false,
};

/// Runs the grant.
pub(super) async fn run<S: Store>(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    let form = request.form;
    // 1. What is asked for (§2.1).
    let requested_type = match form.value("requested_token_type") {
        None | Some(ACCESS_TOKEN) => ACCESS_TOKEN,
        Some(JWT) => JWT,
        Some(_) => return Err(UNSUPPORTED_TYPE.into()),
    };
    // 2. Who it is about, and who acts for them.
    let subject = Presented::read("subject_token", "subject_token_type", request)?;
    let subject = subject.ok_or(Rejection::InvalidRequest(
        "The parameter subject_token is missing.",
    ))?;
    let actor = Presented::read("actor_token", "actor_token_type", request)?;
    let subject = subject.verify(client, realm, context).await?;
    let actor = match actor {
        Some(actor) => Some(actor.verify(client, realm, context).await?),
        None => None,
    };
    let by = actor.as_ref().map_or(client.subject(), |by| &by.subject);
    // A person of the client's name would look the same.
    if subject.names_nobody && !subject.is_own {
        return Err(Rejection::Exchange(ExchangeError::NoSubject).into());
    }
    // 3. Whether they may.
    let original = actor.as_ref().map(|actor| &actor.original);
    let original = original.map_or((realm.iss(), by), |(issuer, sub)| (issuer, sub));
    if !may_act(subject.claims.get("may_act"), &subject.original.0, original) {
        return Err(Rejection::Exchange(ExchangeError::MayAct).into());
    }
    // 4. A new party is named, unless the client may do without (§1.1, §4.1).
    let acted = subject.claims.get("act").cloned();
    let is_new = actor.is_some() || !subject.is_own && !client.may_impersonate;
    let act = match is_new {
        true => {
            context.audit.actor = Some(by.to_owned());
            Some(chain(by, acted))
        }
        false => acted,
    };
    if actors(act.as_ref()) > MAX_ACTORS {
        return Err(Rejection::Exchange(ExchangeError::Actors).into());
    }
    // 5. The scope and the audience: never more than the subject's token had.
    let scope = narrowed_scope(&subject, request, client, realm)?;
    let audience = narrowed_audience(&subject, request, client, realm)?;
    // 6. The token: it ends with the first of those that it came from.
    let until = actor.as_ref().map(|actor| actor.until);
    let until = until.map_or(subject.until, |until| until.min(subject.until));
    let from_actor = actor.map(|actor| actor.origins).unwrap_or_default();
    realm.signing_key(context.now, lifetime(client, realm))?;
    // Whoever had the tokens before stays answerable.
    let mut origins = subject.origins.clone();
    add_origins(&mut origins, from_actor);
    if origins.len() > MAX_ORIGINS {
        return Err(Rejection::Exchange(ExchangeError::Origins).into());
    }
    let mut claims = Map::new();
    if let Some(claim) = origins_claim(&origins) {
        put(&mut claims, EXCHANGED_FROM, claim);
    }
    let outcome = Outcome {
        family: subject.family,
        until: Some(until),
        claims,
        actor: act,
        issued_token_type: Some(requested_type),
        ..Outcome::of(Grant {
            scope,
            audience,
            person: subject.into_person(realm),
        })
    };
    issue_for(request, outcome, client, realm, context)
}

/// A token that a request presents, by the name of its parameter.
struct Presented<'a> {
    parameter: &'static str,
    token: &'a str,
    is_foreign: bool,
    request: &'a TokenRequest<'a>,
}

/// What a good one says.
struct Verified {
    subject: String,
    /// Who says it, and how they call the subject.
    original: (String, String),
    /// What it allows; of another issuer's, the most that it may allow here, if there is a bound.
    scope: Option<ScopeSet>,
    /// Whom it is for; of another issuer's, nobody here.
    audience: Vec<String>,
    is_foreign: bool,
    until: UnixTime,
    family: Option<FamilyId>,
    /// Whether the client got it itself.
    is_own: bool,
    /// Whether it is a client's own, in a dialect that then names no subject.
    names_nobody: bool,
    /// What comes from it comes from: itself, and what it came from; nothing of another issuer's.
    origins: Vec<Origin>,
    claims: Map<String, Value>,
}

impl<'a> Presented<'a> {
    /// Reads a token and its type: both are there or both not (§2.1).
    fn read(
        parameter: &'static str,
        type_parameter: &'static str,
        request: &'a TokenRequest<'a>,
    ) -> Result<Option<Self>, Rejection> {
        let form = request.form;
        let (token, token_type) = (form.value(parameter), form.value(type_parameter));
        let is_foreign = match (token, token_type) {
            (None, None) => return Ok(None),
            (Some(_), Some(ACCESS_TOKEN)) => false,
            (Some(_), Some(JWT)) => true,
            (Some(_), Some(_)) => return Err(UNSUPPORTED_TYPE),
            _ => return Err(HALF),
        };
        Ok(token.map(|token| Self {
            parameter,
            token,
            is_foreign,
            request,
        }))
    }

    /// Checks it, and that the client may present it.
    async fn verify<S: Store>(
        &self,
        client: &Client,
        realm: &Realm,
        context: &mut Context<'_, S>,
    ) -> Result<Verified, Failure> {
        let name = self.parameter;
        // An access token of this realm is a JWT too.
        let own = AccessToken::verify(realm, self.token, context.now);
        if self.is_foreign && own.is_err() {
            let refuse = |error| Rejection::from(ExchangeError::Assertion(name, error));
            let (text, shown) = (self.token, &self.request.confirmation);
            let asserted =
                trusted_assertion::verify(text, &PROFILE, shown, client, realm, context, refuse);
            return Ok(Verified::by_another(asserted.await?).map_err(refuse)?);
        }
        let token = own.map_err(|why| refused(name, why.into()))?;
        // Who has somebody's token could have stolen it: it must have been meant for them.
        let is_own = token.client_id == client.client_id;
        if !is_own && !token.is_for(&client.resources) {
            return Err(Rejection::Exchange(ExchangeError::OtherClient(name)).into());
        }
        // A resource has seen the proof of whoever sent the token; the client itself shows it here.
        if is_own && !token.confirmation.is_met_by(&self.request.confirmation) {
            return Err(Rejection::Exchange(ExchangeError::Confirmation(name)).into());
        }
        let check = token.check(realm, context).await;
        check.map_err(|why| refused(name, why))?;
        let names_nobody = token.subject.is_none();
        let itself = token.as_origin();
        let mut origins = token.origins;
        add_origins(&mut origins, [itself]);
        let subject = token.subject.unwrap_or_else(|| token.client_id.to_string());
        Ok(Verified {
            original: (realm.iss().to_owned(), subject.clone()),
            subject,
            scope: Some(token.scope),
            audience: token.audience,
            is_foreign: false,
            until: token.expiration,
            family: token.family,
            is_own,
            names_nobody,
            origins,
            claims: token.claims,
        })
    }
}

/// What an endpoint that takes access tokens says of one, in the words of this grant.
fn refused(parameter: &'static str, why: Failure) -> Failure {
    match why {
        Failure::Rejection(Rejection::InvalidAccessToken(why)) => {
            Rejection::Exchange(ExchangeError::Token(parameter, why)).into()
        }
        Failure::Rejection(Rejection::VoidByRecord(why)) => {
            Rejection::Exchange(ExchangeError::VoidByRecord(parameter, why)).into()
        }
        why => why,
    }
}

impl Verified {
    /// What another issuer says.
    fn by_another(mut asserted: Asserted) -> Result<Self, AssertionError> {
        // Who acts there is nobody that acts here (RFC 8693 §4.1: by `iss` and `sub`), and what
        // else is said of them is not ours to repeat.
        if let Some(act) = asserted.claims.remove("act") {
            let act = foreign_act(act, &asserted.original.0);
            let act = act.ok_or(AssertionError::Claim("act"))?;
            put(&mut asserted.claims, "act", act);
        }
        Ok(Self {
            subject: asserted.subject,
            original: asserted.original,
            scope: asserted.scopes,
            audience: Vec::new(),
            is_foreign: true,
            until: asserted.expiration,
            family: None,
            is_own: false,
            names_nobody: false,
            origins: Vec::new(),
            claims: asserted.claims,
        })
    }

    /// The person, or client, that it is about, with the claims that the dialect has of people.
    fn into_person(self, realm: &Realm) -> Option<Person> {
        if self.names_nobody {
            return None;
        }
        let mut person = Person {
            sub: self.subject,
            claims: Map::new(),
            auth_time: None,
            acr: None,
        };
        for (name, source) in realm.dialect.claims {
            // What another issuer claims is not ours to repeat.
            let Some(value) = self.claims.get(*name).filter(|_| !self.is_foreign) else {
                continue;
            };
            match source {
                Source::PersonClaim(claim) => {
                    put(&mut person.claims, claim, value.clone());
                }
                Source::AuthTime => person.auth_time = value.as_u64().map(UnixTime::from_seconds),
                Source::Acr => person.acr = value.as_str().map(str::to_owned),
                _ => (),
            }
        }
        Some(person)
    }
}

/// Who acts by another issuer's word, one after another: of each `sub`, and `iss`, which is that
/// issuer's.
fn foreign_act(claim: Value, issuer: &str) -> Option<Value> {
    let mut links = Vec::new();
    let mut next = Some(claim);
    while let Some(Value::Object(mut said)) = next {
        let mut link = Map::new();
        put(&mut link, "iss", issuer.into());
        match said.remove("sub") {
            Some(sub @ Value::String(_)) => put(&mut link, "sub", sub),
            Some(_) => return None,
            None => (),
        }
        links.push(link);
        next = said.remove("act");
    }
    // What is no object ends no chain.
    if next.is_some() {
        return None;
    }
    let act = links.into_iter().rev().reduce(|inner, mut outer| {
        put(&mut outer, "act", inner.into());
        outer
    });
    act.map(Value::Object)
}

/// Whether `actor`, an issuer and what it calls somebody, is whom a `may_act` claim names, if there is
/// one (RFC 8693 §4.4). Without an `iss` it speaks of the subjects of the `issuer` that made it.
fn may_act(claim: Option<&Value>, issuer: &str, actor: (&str, &str)) -> bool {
    let Some(claim) = claim else {
        return true;
    };
    let named = claim.get("iss").map_or(Some(issuer), Value::as_str);
    let sub = claim.get("sub").and_then(Value::as_str);
    (named, sub) == (Some(actor.0), Some(actor.1))
}

/// The claim `act` for somebody who acts, for those who acted before (RFC 8693 §4.1).
fn chain(by: &str, before: Option<Value>) -> Value {
    let mut actor = Map::new();
    put(&mut actor, "sub", by.into());
    if let Some(before) = before {
        put(&mut actor, "act", before);
    }
    Value::Object(actor)
}

/// How many act one for another in such a claim.
fn actors(act: Option<&Value>) -> usize {
    let links = std::iter::successors(act, |actor| actor.get("act"));
    links.count()
}

/// The scope: what is asked for, if the subject's token has it and the client may, and what the
/// dialect adds to that of both, else all of both.
fn narrowed_scope(
    subject: &Verified,
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
) -> Result<ScopeSet, Rejection> {
    let most = match &subject.scope {
        Some(scope) => scope.intersection(&client.scope),
        None => client.scope.clone(),
    };
    let most = existing(&most, realm);
    let Some(requested) = request.form.value("scope") else {
        return Ok(most);
    };
    let requested = ScopeSet::parse(requested).map_err(|_| Rejection::MalformedScope)?;
    let requested = requested.without(&hidden_scope(client, realm));
    match requested.is_subset(&most) {
        true => Ok(requested.with(&added_scope(client, realm).intersection(&most))),
        false => Err(Rejection::ExcessScope),
    }
}

/// The audience: what is asked for, among what both the subject's token and the client's may be for,
/// and what the client's record adds for this; else all of the former.
fn narrowed_audience(
    subject: &Verified,
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
) -> Result<Vec<String>, Rejection> {
    let mut both = owned(allowed_audience(client, realm));
    both.retain(|one| subject.is_foreign || subject.audience.contains(one));
    let requested = targets(request.form, |target| {
        both.iter()
            .chain(&client.exchange_audience)
            .any(|one| one == target)
    })?;
    match (requested.is_empty(), both.is_empty()) {
        (false, _) => Ok(requested),
        (true, false) => Ok(both),
        // There is nothing that it could be for unless the client says what.
        (true, true) => Err(Rejection::UnknownTarget),
    }
}

const HALF: Rejection = Rejection::InvalidRequest(
    "A token to be exchanged must come with its type, and a type with it.",
);
const UNSUPPORTED_TYPE: Rejection =
    Rejection::InvalidRequest("The token types are those of access tokens and JWTs.");
