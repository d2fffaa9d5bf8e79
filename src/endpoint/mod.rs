//! The endpoints: from an HTTP request to the words of its RFC, and back.

pub mod discovery;
pub mod jwks;
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
fn form<'a>(request: &Request<'a>) -> Result<Form<'a>, Rejection> {
    if request.method != "POST" {
        return Err(Rejection::MethodNotAllowed { allow: "POST" });
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

/// Finds the client that a request is from and checks its credentials (RFC 6749 §3.2.1).
async fn authenticate<S: Store>(
    request: &Request<'_>,
    form: &Form<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Client, Failure> {
    let credentials = Credentials::parse(request.authorization, form)?;
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
