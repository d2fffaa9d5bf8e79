//! The requests that a token endpoint refuses, and how (RFC 6749 §5.2, RFC 9110 §15.5).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::http::{Ask, Asked};
use super::report::{Verdict, fail};

/// More octets than a body may have.
const TOO_MANY: usize = 17 * 1024;

/// How a request is to be refused.
pub(super) struct Refusal {
    statuses: &'static [u16],
    /// The word, where the RFC has one.
    error: Option<&'static str>,
    /// A field that the answer needs, and how its value begins.
    field: Option<(&'static str, &'static str)>,
}

const INVALID_REQUEST: Refusal = Refusal {
    statuses: &[400],
    error: Some("invalid_request"),
    field: None,
};

pub(super) const INVALID_CLIENT: Refusal = Refusal {
    statuses: &[401],
    error: Some("invalid_client"),
    field: Some(("www-authenticate", "Basic")),
};

/// The same where the header was not used: there is nothing to challenge.
pub(super) const INVALID_ASSERTION: Refusal = Refusal {
    field: None,
    ..INVALID_CLIENT
};

const UNSUPPORTED_GRANT_TYPE: Refusal = Refusal {
    error: Some("unsupported_grant_type"),
    ..INVALID_REQUEST
};

const METHOD_NOT_ALLOWED: Refusal = Refusal {
    statuses: &[405],
    error: None,
    field: Some(("allow", "")),
};

const UNSUPPORTED_MEDIA_TYPE: Refusal = Refusal {
    statuses: &[400, 415],
    error: None,
    field: None,
};

const CONTENT_TOO_LARGE: Refusal = Refusal {
    statuses: &[413],
    ..UNSUPPORTED_MEDIA_TYPE
};

pub(super) const NOT_FOUND: Refusal = Refusal {
    statuses: &[404],
    ..UNSUPPORTED_MEDIA_TYPE
};

/// Where to ask, and what must not come back.
pub(super) struct TokenEndpoint<'a> {
    pub(super) url: &'a str,
    /// Random text that stands in requests.
    pub(super) marker: &'a str,
    /// Whether clients may authenticate by an assertion.
    pub(super) takes_assertions: bool,
}

pub(crate) const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// What is asked without credentials that could be right, and how it is to be refused.
pub(super) fn refusals(at: &TokenEndpoint<'_>) -> Vec<(&'static str, &'static str, Refusal, Ask)> {
    let TokenEndpoint { url, marker, .. } = *at;
    let form = |parameters: &[(&str, &str)]| Ask::form(url, parameters);
    let unknown = basic(marker, marker);
    let in_query = format!("{url}?client_id={marker}&client_secret={marker}");
    let large = format!(
        "grant_type=client_credentials&{marker}={}",
        "a".repeat(TOO_MANY)
    );
    let scope = ("scope", marker);
    vec![
        (
            "grant_type missing",
            "RFC 6749 §5.2",
            INVALID_REQUEST,
            form(&[(marker, marker)]),
        ),
        (
            "grant_type unknown",
            "RFC 6749 §5.2",
            UNSUPPORTED_GRANT_TYPE,
            form(&[("grant_type", marker)]),
        ),
        (
            "parameter repeated",
            "RFC 6749 §3.2",
            INVALID_REQUEST,
            form(&[GRANT, scope, scope]),
        ),
        (
            "bad percent-encoding",
            "RFC 6749 §5.2",
            INVALID_REQUEST,
            Ask::post(url, "grant_type=client_credentials&scope=%zz"),
        ),
        (
            "no authentication",
            "RFC 6749 §5.2",
            INVALID_CLIENT,
            form(&[GRANT, scope]),
        ),
        (
            "credentials in the query",
            "RFC 6749 §2.3.1",
            INVALID_CLIENT,
            // Who read them would see two ways of authentication, which are refused otherwise.
            Ask::form(&in_query, &[GRANT]).with("authorization", &unknown),
        ),
        (
            "two authentications",
            "RFC 6749 §2.3",
            INVALID_REQUEST,
            form(&[GRANT, ("client_id", marker), ("client_secret", marker)])
                .with("authorization", &unknown),
        ),
        (
            "GET",
            "RFC 6749 §3.2",
            METHOD_NOT_ALLOWED,
            Ask::new("GET", url),
        ),
        (
            "JSON body",
            "RFC 6749 §4.4.2",
            UNSUPPORTED_MEDIA_TYPE,
            Ask::post(url, r#"{"grant_type":"client_credentials"}"#)
                .with("content-type", "application/json"),
        ),
        (
            "content coding",
            "RFC 9110 §8.4",
            UNSUPPORTED_MEDIA_TYPE,
            form(&[GRANT]).with("content-encoding", "gzip"),
        ),
        (
            "body of 17 KiB",
            "RFC 9110 §15.5.14",
            CONTENT_TOO_LARGE,
            Ask::post(url, &large),
        ),
    ]
}

/// The header field of Basic credentials (RFC 6749 §2.3.1).
pub(super) fn basic(id: &str, secret: &str) -> String {
    let encode = |half: &str| form_urlencoded::byte_serialize(half.as_bytes()).collect::<String>();
    let credentials = format!("{}:{}", encode(id), encode(secret));
    format!("Basic {}", STANDARD.encode(credentials))
}

/// A request with an assertion that nobody signed (RFC 7523 §2.2).
pub(super) fn assertion(at: &TokenEndpoint<'_>, header: &str) -> Ask {
    let (marker, exp) = (at.marker, crate::now().seconds().saturating_add(60));
    let claims = format!(
        r#"{{"iss":"{marker}","sub":"{marker}","aud":"{}","jti":"{marker}","exp":{exp}}}"#,
        at.url
    );
    let signature = match header.contains("none") {
        true => "",
        false => marker,
    };
    let [header, claims, signature] =
        [header, &claims, signature].map(|part| URL_SAFE_NO_PAD.encode(part));
    let assertion = format!("{header}.{claims}.{signature}");
    let of_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let parameters = [
        GRANT,
        ("client_assertion_type", of_type),
        ("client_assertion", &assertion),
    ];
    Ask::form(at.url, &parameters)
}

/// Judges one refusal.
pub(super) fn judge(refusal: &Refusal, asked: &Asked) -> Verdict {
    let answer = asked.as_ref().map_err(Clone::clone)?;
    let members = answer.object().unwrap_or_default();
    let error = members
        .get("error")
        .and_then(|error| error.as_str())
        .unwrap_or_default();
    let seen = format!("{} {error}", answer.status).trim_end().to_owned();
    let wanted = refusal
        .statuses
        .iter()
        .map(u16::to_string)
        .collect::<Vec<_>>()
        .join(" or ");
    if !refusal.statuses.contains(&answer.status)
        || refusal.error.is_some_and(|wanted| wanted != error)
    {
        return fail(format!(
            "{seen}, not {wanted} {}",
            refusal.error.unwrap_or_default()
        ));
    }
    if answer.media_type() != "application/json" || error.is_empty() {
        return fail(format!("{seen}, but no JSON with `error`"));
    }
    if !["error_description", "errorDescription"]
        .iter()
        .any(|name| members.contains_key(*name))
    {
        return fail(format!("{seen}, but no `error_description`"));
    }
    let Some((field, begin)) = refusal.field else {
        return Ok(seen);
    };
    match answer.header(field) {
        Some(value) if begin.is_empty() => Ok(format!("{seen}, {field}: {value}")),
        Some(value) if value.starts_with(begin) => Ok(format!("{seen}, {value}")),
        _ => fail(format!("{seen}, but no {field}: {begin}")),
    }
}
