//! Authorization requests (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2.1, OpenID Connect Core
//! §3.1.2.1): what a client may ask for at the authorization endpoint or push beforehand.

use crate::client::Client;
use crate::error::Rejection;
use crate::family::{AuthorizationRequest, ResponseMode};
use crate::form::Form;
use crate::grant::{requested_audience, scope};
use crate::grant_type::GrantType;
use crate::person::OPENID;
use crate::realm::Realm;
use crate::time::Seconds;
use crate::uri::{self, is_web_url};

/// What a pushed request's URI begins with (RFC 9126 §2.2).
pub(super) const REQUEST_URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The parameters of browsers' requests that are stored, sent on, or sent back.
const CARRIED: [&str; 18] = [
    "acr_values",
    "audience",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "login_hint",
    "max_age",
    "nonce",
    "post_logout_redirect_uri",
    "prompt",
    "redirect_uri",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// The most octets of one of them.
const MAX_PARAMETER: usize = uri::MAX_URI;

/// The most values of `resource` and `audience` together.
const MAX_TARGETS: usize = 20;

/// Checks that nothing is larger than what is stored for a caller without credentials, and than what
/// fits a `Location`. It comes before all else, and never redirects: the `state` of such a request
/// could not be given back.
///
/// # Errors
/// [`Rejection::InvalidRequest`].
pub(super) fn check_size(form: &Form<'_>) -> Result<(), Rejection> {
    let mut carried = CARRIED.iter().flat_map(|name| form.values(name));
    if carried.any(|value| value.len() > MAX_PARAMETER) {
        return Err(Rejection::InvalidRequest(
            "A parameter is larger than 2 KiB.",
        ));
    }
    let targets = form.values("resource").chain(form.values("audience"));
    match targets.count() > MAX_TARGETS {
        true => Err(Rejection::InvalidRequest(
            "More than 20 resources and audiences are asked for.",
        )),
        false => Ok(()),
    }
}

/// The redirect URI of a request (RFC 6749 §3.1.2.3): the one that it names, if that
/// [matches](uri::matches) a registered one; when it names none, the only one, unless it must
/// name it: with the scope `openid` (OpenID Connect Core §3.1.2.1), and under a profile (FAPI 2.0
/// §5.3.2.2).
///
/// # Errors
/// [`Rejection`]. No browser may then be redirected.
pub(super) fn redirect_uri<'a>(
    form: &'a Form<'_>,
    client: &'a Client,
    realm: &Realm,
) -> Result<&'a str, Rejection> {
    let named = form.value("redirect_uri");
    if named.is_none() {
        let mut scope = form.value("scope").unwrap_or_default().split(' ');
        if scope.any(|token| token == OPENID) {
            return Err(Rejection::InvalidRequest(
                "The redirect_uri is required with the scope openid.",
            ));
        }
        if realm.requirements.profile.is_some() {
            return Err(Rejection::InvalidRequest("The redirect_uri is required."));
        }
    }
    match (named, client.redirect_uris.as_slice()) {
        (Some(named), registered) if registered.iter().any(|uri| uri::matches(uri, named)) => {
            Ok(named)
        }
        (None, [only]) => Ok(only),
        (None, [_, _, ..]) => Err(Rejection::RedirectUriAmbiguous),
        _ => Err(Rejection::RedirectUriNotRegistered),
    }
}

/// Checks all else that a request asks for.
///
/// # Errors
/// [`Rejection`]. The client may be told at its redirect URI.
pub(super) fn parse(
    form: &Form<'_>,
    client: &Client,
    realm: &Realm,
) -> Result<AuthorizationRequest, Rejection> {
    // 1. The client may use the grant (RFC 6749 §4.1.2.1).
    if !client.may_use(GrantType::AuthorizationCode.name()) {
        return Err(Rejection::CodesNotRegistered);
    }
    // 2. Requests by value or by foreign reference are none (OpenID Connect Core §6).
    if form.value("request").is_some() {
        return Err(Rejection::RequestNotSupported);
    }
    if form.value("request_uri").is_some() {
        return Err(Rejection::RequestUriNotSupported);
    }
    // 3. The answer: a code, in the query or in a form.
    match form.value("response_type") {
        Some("code") => (),
        Some(_) => return Err(Rejection::UnsupportedResponseType),
        None => {
            return Err(Rejection::InvalidRequest(
                "The parameter response_type is missing.",
            ));
        }
    }
    let redirect_uri = redirect_uri(form, client, realm)?;
    let mode = form.value("response_mode").map(ResponseMode::parse);
    let response_mode = mode.unwrap_or(Some(ResponseMode::Query));
    let response_mode = response_mode.ok_or(Rejection::InvalidRequest(
        "The response_mode must be query or form_post.",
    ))?;
    if response_mode == ResponseMode::FormPost && !is_web_url(redirect_uri) {
        return Err(Rejection::InvalidRequest(
            "The response_mode form_post needs a redirect_uri of https or http.",
        ));
    }
    // 4. PKCE (RFC 7636 §4.3), by S256 alone (RFC 9700 §2.1.1).
    let code_challenge = code_challenge(form)?;
    if code_challenge.is_none() && realm.requirements.pkce_of(client) {
        return Err(Rejection::ChallengeMissing);
    }
    // 5. What the person is asked (OpenID Connect Core §3.1.2.1).
    let prompt = form.value("prompt");
    if prompt.is_some_and(|prompt| prompt != "none" && prompt.split(' ').any(|one| one == "none")) {
        return Err(Rejection::InvalidRequest("The prompt none stands alone."));
    }
    let max_age = form.value("max_age").map(|text| {
        number(text).ok_or(Rejection::InvalidRequest(
            "The max_age must be a number of seconds.",
        ))
    });
    let max_age = max_age.transpose()?;
    let text = |name| form.value(name).map(str::to_owned);
    Ok(AuthorizationRequest {
        redirect_uri: redirect_uri.to_owned(),
        redirect_uri_given: form.value("redirect_uri").is_some(),
        state: text("state"),
        scope: scope(form, client, realm)?,
        // 6. Only what is asked for binds the tokens; what is not is decided with each of them.
        audience: requested_audience(form, client, realm)?,
        nonce: text("nonce"),
        code_challenge: code_challenge.map(str::to_owned),
        dpop_jkt: thumbprint(form.value("dpop_jkt"))?,
        prompt: prompt.map(str::to_owned),
        max_age: max_age.map(Seconds),
        acr_values: text("acr_values"),
        login_hint: text("login_hint"),
        response_mode,
    })
}

/// A number in decimal digits alone; `str::parse` would take a sign too.
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The PKCE challenge, by S256.
fn code_challenge<'f>(form: &'f Form<'_>) -> Result<Option<&'f str>, Rejection> {
    let challenge = form.value("code_challenge");
    match (challenge, form.value("code_challenge_method")) {
        (None, None) => Ok(None),
        (Some(challenge), Some("S256")) => match is_sha256(challenge) {
            true => Ok(Some(challenge)),
            false => Err(Rejection::InvalidRequest(
                "The code_challenge is malformed.",
            )),
        },
        _ => Err(Rejection::InvalidRequest(
            "The code_challenge_method must be S256.",
        )),
    }
}

/// The thumbprint of the key that will sign the proof with the code (RFC 9449 §10).
fn thumbprint(text: Option<&str>) -> Result<Option<String>, Rejection> {
    match text {
        Some(text) if !is_sha256(text) => {
            Err(Rejection::InvalidRequest("The dpop_jkt is malformed."))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

/// Whether a text is as long as a SHA-256 in base64url, and of its characters.
fn is_sha256(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    text.len() == 43 && text.bytes().all(fits)
}
