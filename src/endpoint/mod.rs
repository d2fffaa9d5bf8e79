//! The endpoints: from an HTTP request to the words of its RFC, and back.

pub mod discovery;
pub mod jwks;
pub mod realm;
pub mod token;

use crate::client::Client;
use crate::client_auth::Credentials;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::form::Form;
use crate::http::Request;
use crate::realm::Realm;
use crate::store::Store;

/// The most octets a body may have.
pub const MAX_BODY: usize = 16 * 1024;

/// Reads the body of a POST as a form, or says why it is none.
fn form<'a>(request: &Request<'a>, realm: &Realm) -> Result<Form<'a>, Rejection> {
    if request.method != "POST" {
        let allow = if realm.allowed_origins.is_empty() {
            "POST"
        } else {
            "POST, OPTIONS"
        };
        return Err(Rejection::MethodNotAllowed { allow });
    }
    if realm.dialect.refuses_other_media_types && !accepts_json(request.accept.unwrap_or("*/*")) {
        return Err(Rejection::NotAcceptable);
    }
    if request.content_encoding.is_some() {
        return Err(Rejection::ContentEncoding);
    }
    let content_type = request.content_type.unwrap_or_default();
    if !is_form(content_type) {
        return Err(Rejection::ContentType);
    }
    if request.body.len() > MAX_BODY {
        return Err(Rejection::BodyTooLarge);
    }
    Form::parse(request.body).map_err(Rejection::MalformedForm)
}

/// Whether a media type (RFC 9110 §8.3.1) is that of forms, with `charset` or without parameters.
fn is_form(content_type: &str) -> bool {
    let mut parts = content_type
        .split(';')
        .map(|part| part.trim_matches([' ', '\t']));
    let media_type = parts.next().unwrap_or_default();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && parts.all(|parameter| {
            let name = parameter.split('=').next().unwrap_or_default();
            parameter.is_empty() || name.eq_ignore_ascii_case("charset")
        })
}

/// Whether `Accept` admits JSON (RFC 9110 §12.5.1): the most specific range that covers it decides.
fn accepts_json(accept: &str) -> bool {
    let ranges = || {
        accept
            .split(',')
            .map(|range| range.split_once(';').unwrap_or((range, "")))
            .map(|(media_type, parameters)| (media_type.trim(), parameters))
    };
    ["application/json", "application/*", "*/*"]
        .iter()
        .find_map(|known| ranges().find(|(media_type, _)| media_type.eq_ignore_ascii_case(known)))
        .is_some_and(|(_, parameters)| !parameters.split(';').map(str::trim).any(is_zero_quality))
}

/// Whether a parameter of a media range is a quality value of 0 (RFC 9110 §12.4.2).
fn is_zero_quality(parameter: &str) -> bool {
    let quality = parameter
        .strip_prefix("q=")
        .or_else(|| parameter.strip_prefix("Q="));
    quality.is_some_and(|quality| quality.bytes().all(|b| b == b'0' || b == b'.'))
}

/// Finds the client that a request is from and checks its credentials (RFC 6749 §3.2.1).
async fn authenticate<S: Store>(
    request: &Request<'_>,
    form: &Form<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Client, Failure> {
    let credentials = Credentials::parse(request.authorization, form, realm.dialect)?;
    let mut refusal = Rejection::UnknownClient.into();
    for id in credentials.client_ids() {
        let client = context.store.client(&realm.name, &id).await?;
        let verified = credentials.verify(client.as_ref(), context.client_secrets_key, context.now);
        if let Some(client) = client {
            context.audit.client_id = Some(client.client_id.to_string());
            match verified {
                Ok(secret_id) => {
                    context.audit.secret_id = Some(secret_id);
                    return Ok(client);
                }
                Err(Failure::Fault(fault)) => return Err(fault.into()),
                Err(rejection) => refusal = rejection,
            }
        }
    }
    Err(refusal)
}
