//! The endpoints: from an HTTP request to the words of its RFC, and back.

pub mod authorization;
mod authorization_request;
mod caller;
pub mod discovery;
pub mod end_session;
pub mod failure;
pub mod introspection;
pub mod jwks;
pub mod keycloak_realm;
pub mod login;
pub mod page;
pub mod pushed_authorization;
mod rate_limit;
pub mod registration;
pub mod revocation;
mod ticket;
pub mod token;
pub mod userinfo;

use crate::error::Rejection;
use crate::family::ResponseMode;
use crate::form::Form;
use crate::http::{Request, Response, with_query};
use crate::json::Object;
use crate::realm::Realm;

/// Sends a browser to a client's redirect URI with an answer, as the client asked for it.
fn answer(mode: ResponseMode, redirect_uri: &str, parameters: &[(&str, &str)]) -> Response {
    match mode {
        ResponseMode::Query => Response::redirect(with_query(redirect_uri, parameters)),
        ResponseMode::FormPost => page::form_post(redirect_uri, parameters),
    }
}

/// The most octets a body may have.
pub const MAX_BODY: usize = 16 * 1024;

/// Reads the body of a POST as a form, or says why it is none.
fn form<'a>(request: &Request<'a>, realm: &Realm) -> Result<Form<'a>, Rejection> {
    if realm.dialect.refuses_other_media_types && !accepts_json(request.accept.unwrap_or("*/*")) {
        return Err(Rejection::NotAcceptable);
    }
    Form::parse(body(request, FORM)?).map_err(Rejection::MalformedForm)
}

/// Reads the parameters that a browser brings: the query of a GET, the form of a POST.
fn parameters<'a>(request: &Request<'a>) -> Result<Form<'a>, Rejection> {
    let text = match request.method {
        "POST" => body(request, FORM)?,
        _ if request.query.len() > MAX_BODY => {
            return Err(Rejection::InvalidRequest(
                "The query is larger than 16 KiB.",
            ));
        }
        _ => request.query.as_bytes(),
    };
    Form::parse(text).map_err(Rejection::MalformedForm)
}

/// Reads the body of a POST as a JSON object.
fn object(request: &Request<'_>) -> Result<Object, Rejection> {
    let text = std::str::from_utf8(body(request, JSON)?).ok();
    text.and_then(|text| Object::parse(text).ok())
        .ok_or(Rejection::InvalidRequest(
            "The body is not a JSON object without repeated members.",
        ))
}

/// What introspection and revocation need.
const NO_TOKEN: Rejection = Rejection::InvalidRequest("The parameter token is missing.");

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The body, if it is of a media type and not too long.
fn body<'a>(request: &Request<'a>, media_type: &'static str) -> Result<&'a [u8], Rejection> {
    if request.content_encoding.is_some() {
        return Err(Rejection::ContentEncoding);
    }
    if !is_of(request.content_type.unwrap_or_default(), media_type) {
        return Err(Rejection::ContentType { media_type });
    }
    match request.body.len() > MAX_BODY {
        true => Err(Rejection::BodyTooLarge),
        false => Ok(request.body),
    }
}

/// Whether a content type (RFC 9110 §8.3.1) is a media type with `charset` or without parameters.
fn is_of(content_type: &str, media_type: &str) -> bool {
    let mut parts = content_type
        .split(';')
        .map(|part| part.trim_matches([' ', '\t']));
    parts
        .next()
        .unwrap_or_default()
        .eq_ignore_ascii_case(media_type)
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
