//! What lies under the authorization endpoint: the login application reads a ticket, accepts or
//! rejects it, and the browser comes back with it. The service never meets the person.

use serde::Serialize;

use super::ticket;
use super::{answer, caller};
use crate::client::{Client, fit_a_token, reserved_claim};
use crate::context::Context;
use crate::error::{Failure, Fault, Rejection};
use crate::family::act::{Asked, Decide, Look, Resume};
use crate::family::{Decision, Handle, Refusal};
use crate::form::Form;
use crate::http::{Request, Response, with_query};
use crate::json::{Json, JsonError, Object};
use crate::person::{Person, SUB, is_short, is_sub};
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::store::Store;
use crate::time::Seconds;

/// The errors that a login application can reject with (RFC 6749 §4.1.2.1, OpenID Connect Core
/// §3.1.2.6).
const ERRORS: [&str; 7] = [
    "access_denied",
    "login_required",
    "interaction_required",
    "account_selection_required",
    "consent_required",
    "temporarily_unavailable",
    "server_error",
];

/// What a ticket asks.
#[derive(Serialize)]
struct TicketResponse<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tos_uri: Option<&'a str>,
    scope: &'a ScopeSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr_values: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_hint: Option<&'a str>,
}

/// Where the browser is to go on.
#[derive(Serialize)]
struct DecisionResponse {
    redirect_to: String,
}

/// Answers what a ticket asks.
///
/// # Errors
/// [`Failure`].
pub async fn ticket<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let (handle, members) = call(request, realm, context).await?;
    members.finish().map_err(invalid)?;
    let look = Look {
        ticket: handle.secret,
    };
    let Asked { client_id, request } = context.act(realm, handle.family, look).await?;
    let client = context.client(realm, &client_id).await?;
    let of_client = |member: fn(&Client) -> Option<&String>| {
        let value = client.as_deref().and_then(member);
        value.map(String::as_str)
    };
    json(&TicketResponse {
        client_id: client_id.as_str(),
        client_name: of_client(|client| client.client_name.as_ref()),
        client_uri: of_client(|client| client.client_uri.as_ref()),
        logo_uri: of_client(|client| client.logo_uri.as_ref()),
        policy_uri: of_client(|client| client.policy_uri.as_ref()),
        tos_uri: of_client(|client| client.tos_uri.as_ref()),
        scope: &request.scope,
        prompt: request.prompt.as_deref(),
        max_age: request.max_age,
        acr_values: request.acr_values.as_deref(),
        login_hint: request.login_hint.as_deref(),
    })
}

/// Takes note that a person signed in and agreed.
///
/// # Errors
/// [`Failure`].
pub async fn accept<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let (handle, mut members) = call(request, realm, context).await?;
    let person = Person {
        sub: required(&mut members, "sub", SUB, |sub: &String| is_sub(sub))?,
        claims: optional(&mut members, "claims", CLAIMS, |claims| {
            reserved_claim(claims).is_none() && fit_a_token(claims)
        })?
        .unwrap_or_default(),
        auth_time: optional(&mut members, "auth_time", SECONDS, |_| true)?,
        acr: optional(&mut members, "acr", ACR, |acr: &String| is_short(acr))?,
    };
    let scope = optional(&mut members, "scope", SCOPE, |_| true)?;
    members.finish().map_err(invalid)?;
    let decision = Decision::Accepted { person, scope };
    context.audit.done = Some("accepted");
    decide(handle, decision, request, realm, context).await
}

/// Takes note that nobody did.
///
/// # Errors
/// [`Failure`].
pub async fn reject<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let (handle, mut members) = call(request, realm, context).await?;
    let error = required(&mut members, "error", ERROR, |error: &String| {
        ERRORS.contains(&error.as_str())
    })?;
    members.finish().map_err(invalid)?;
    let decision = Decision::Rejected { error };
    context.audit.done = Some("declined");
    decide(handle, decision, request, realm, context).await
}

/// Sends the browser that began on to the client, with its code or an error (RFC 6749 §4.1.2, RFC
/// 9207 §2).
///
/// # Errors
/// [`Failure`], for a page.
pub async fn resume<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let form = Form::parse(request.query.as_bytes()).map_err(Rejection::MalformedForm)?;
    let unknown = Rejection::Resume(Refusal::Unknown);
    let decision = form.value("decision").ok_or(unknown)?;
    let Handle { family, secret } = Handle::parse(decision).map_err(Rejection::Resume)?;
    let browser = ticket::cookie_value(request.cookie, family)
        .ok_or(Rejection::Resume(Refusal::OtherBrowser))?;
    let resume = Resume {
        resume: secret,
        browser,
        code_ttl: realm.code_ttl(),
    };
    let resumed = caller::act(family, resume, Rejection::Resume, realm, context).await?;
    context.audit.done = Some("resumed");
    let code = resumed
        .code
        .map(|secret| Handle { family, secret }.reveal());
    let mut parameters = vec![match &code {
        Ok(code) => ("code", code.as_str()),
        Err(error) => ("error", error.as_str()),
    }];
    parameters.extend(resumed.state.as_deref().map(|state| ("state", state)));
    parameters.push(("iss", realm.issuer.as_str()));
    let mut response = answer(resumed.response_mode, &resumed.redirect_uri, &parameters);
    let cookie = ticket::cookie(family, "", Seconds(0));
    response.headers.push(("set-cookie", cookie.into()));
    Ok(response)
}

/// Reads a call of a login application: which ticket, and the other members.
pub(super) async fn call<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<(Handle, Object), Failure> {
    let mut members = super::object(request)?;
    let client =
        caller::authenticate_confidential(request, &Form::default(), realm, context).await?;
    if !realm.login_clients.contains(&client.client_id) {
        return Err(Rejection::NotALoginClient.into());
    }
    let ticket = required::<String>(&mut members, "ticket", "a ticket", |_| true)?;
    let handle = Handle::parse(&ticket)?;
    Ok((handle, members))
}

/// Tells the family the decision, and the login application where the browser goes on.
async fn decide<S: Store>(
    handle: Handle,
    decision: Decision,
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let family = handle.family;
    let decide = Decide {
        ticket: handle.secret,
        decision,
    };
    let secret = context.act(realm, family, decide).await?;
    let decision = Handle { family, secret }.reveal();
    // On the issuer's host, under the path that the login application called.
    let under = request.path.rsplit_once('/').map_or("", |(under, _)| under);
    let resume = format!("{}{under}/resume", realm.issuer.origin());
    json(&DecisionResponse {
        redirect_to: with_query(&resume, &[("decision", &decision)]),
    })
}

/// Takes a member that must be there and so.
fn required<T: Json>(
    members: &mut Object,
    member: &'static str,
    expected: &'static str,
    is_so: impl Fn(&T) -> bool,
) -> Result<T, Rejection> {
    optional(members, member, expected, is_so)?.ok_or(Rejection::InvalidMember { member, expected })
}

/// Takes a member that must be so if it is there.
fn optional<T: Json>(
    members: &mut Object,
    member: &'static str,
    expected: &'static str,
    is_so: impl Fn(&T) -> bool,
) -> Result<Option<T>, Rejection> {
    match members.take(member, expected).map_err(invalid)? {
        Some(value) if !is_so(&value) => Err(Rejection::InvalidMember { member, expected }),
        value => Ok(value),
    }
}

pub(super) fn invalid(error: JsonError) -> Rejection {
    match error {
        JsonError::Invalid { member, expected } => Rejection::InvalidMember { member, expected },
        JsonError::Missing(member) => Rejection::InvalidMember {
            member,
            expected: "there",
        },
        JsonError::Unknown(_) => Rejection::InvalidRequest("The body has an unknown member."),
        JsonError::Malformed { .. } => Rejection::InvalidRequest("The body is no JSON object."),
    }
}

pub(super) fn json(answer: &impl Serialize) -> Result<Response, Failure> {
    let body = serde_json::to_string(answer).map_err(Fault::from)?;
    Ok(Response::not_stored(200, body))
}

const ACR: &str = "a text of 1 to 255 octets";
const ERROR: &str = "an error of OpenID Connect Core 3.1.2.6";
const SCOPE: &str = "scope tokens with one space between";
const SECONDS: &str = "whole seconds since 1970";
const CLAIMS: &str = "an object without claims that the service sets, 8 deep and 8 KiB at most";
