//! What restricts a client of Keycloak: each is a member of its record here, or leaves the client
//! out. None is dropped.

use super::super::value::Members;
use super::super::{Draft, Notes, Stop};

/// Attributes that demand what no record can: with their reason, and the values that demand
/// nothing.
const DEMANDS: [(&str, &[&str], &str); 11] = [
    (
        "request.object.required",
        &["not required"],
        "its authorization requests must be request objects, which are not served",
    ),
    (
        "id.token.encrypted.response.alg",
        &[],
        "its ID tokens must be encrypted, and they are signed alone here",
    ),
    (
        "id.token.encrypted.response.enc",
        &[],
        "its ID tokens must be encrypted, and they are signed alone here",
    ),
    (
        "user.info.encrypted.response.alg",
        &[],
        "its userinfo must be encrypted, and it is JSON here",
    ),
    (
        "user.info.encrypted.response.enc",
        &[],
        "its userinfo must be encrypted, and it is JSON here",
    ),
    (
        "user.info.response.signature.alg",
        &["none", "unsigned"],
        "its userinfo must be signed, and it is JSON here",
    ),
    (
        "authorization.encrypted.response.alg",
        &[],
        "its authorization responses must be encrypted, which is not served",
    ),
    (
        "id.token.signed.response.alg",
        &["ES256"],
        "its ID tokens must be signed by another algorithm than ES256",
    ),
    (
        "access.token.signed.response.alg",
        &["ES256"],
        "its access tokens must be signed by another algorithm than ES256",
    ),
    (
        "minimum.acr.value",
        &[],
        "it demands a level of authentication at least, which only requests do here (`acr_values`)",
    ),
    (
        "default.acr.values",
        &[],
        "it demands a level of authentication by default, which only requests do here \
         (`acr_values`)",
    ),
];

/// How long sessions of a client last, which is the realm's to say here.
const SESSION_LIMITS: [&str; 4] = [
    "client.session.idle.timeout",
    "client.session.max.lifespan",
    "client.offline.session.idle.timeout",
    "client.offline.session.max.lifespan",
];

/// Attributes that change what a client gets, and restrict nothing: with what is said of them if
/// they are true.
const TRUE: [(&str, &str); 11] = [
    (
        "client.use.lightweight.access.token.enabled",
        "its access tokens are not lightweight: they have all claims of the realm",
    ),
    (
        "access.token.header.type.rfc9068",
        "the type in its access tokens' header is the realm's, not `at+jwt`",
    ),
    (
        "token.response.type.bearer.lower-case",
        "`token_type` is `Bearer`, not `bearer`",
    ),
    (
        "use.lower.case.bearer.type",
        "`token_type` is `Bearer`, not `bearer`",
    ),
    (
        "exclude.issuer.from.auth.response",
        "authorization responses have `iss` (RFC 9207)",
    ),
    (
        "oauth2.device.authorization.grant.enabled",
        "the device grant, which is not served",
    ),
    (
        "oidc.ciba.grant.enabled",
        "the CIBA grant, which is not served",
    ),
    (
        "jwt.authorization.grant.enabled",
        "the JWT bearer grant: list the realm's trusted issuers in its record (docs/tokens.md)",
    ),
    ("frontchannel.logout.session.required", ""),
    (
        "client.introspection.response.allow.jwt.claim.enabled",
        "introspection responses as signed tokens",
    ),
    ("backchannel.logout.revoke.offline.tokens", ""),
];

/// Attributes of which it is enough to say that they are not here.
const TOLD: [(&str, &str); 9] = [
    (
        "backchannel.logout.url",
        "back-channel logout: nothing is told of the end of a session",
    ),
    (
        "frontchannel.logout.url",
        "front-channel logout: nothing is told of the end of a session",
    ),
    (
        "acr.loa.map",
        "its names of levels of authentication: the login application sees `acr_values` as they \
         are",
    ),
    (
        "authorization.signed.response.alg",
        "signed authorization responses (response_mode=jwt)",
    ),
    ("authorization.encrypted.response.enc", ""),
    (
        "request.uris",
        "its registered request URIs: pushed requests are served instead",
    ),
    (
        "request.object.signature.alg",
        "request objects, which are not served: it must send parameters",
    ),
    (
        "request.object.encryption.alg",
        "request objects, which are not served: it must send parameters",
    ),
    (
        "request.object.encryption.enc",
        "request objects, which are not served: it must send parameters",
    ),
];

/// Attributes that are read elsewhere, or that change nothing for a client of OpenID Connect.
const KNOWN: [&str; 39] = [
    "access.token.lifespan",
    "acr.loa.map",
    "backchannel.logout.session.required",
    "backchannel.logout.url",
    "client.secret.authentication.allowed.method",
    "client.secret.creation.time",
    "client.secret.expiration.time",
    "client.secret.rotated",
    "client.secret.rotated.creation.time",
    "client.secret.rotated.expiration.time",
    "client_credentials.use_refresh_token",
    "consent.screen.text",
    "display.on.consent.screen",
    "dpop.bound.access.tokens",
    "exclude.session.state.from.auth.response",
    "gui.order",
    "jwks.string",
    "jwks.url",
    "jwt.authorization.grant.idp",
    "jwt.credential.certificate",
    "jwt.credential.kid",
    "jwt.credential.public.key",
    "login_theme",
    "logoUri",
    "logout.confirmation.enabled",
    "pkce.code.challenge.method",
    "policyUri",
    "post.logout.redirect.uris",
    "realm_client",
    "require.pushed.authorization.requests",
    "standard.token.exchange.enableRefreshRequestedTokenType",
    "standard.token.exchange.enabled",
    "tls.client.certificate.bound.access.tokens",
    "token.endpoint.auth.signing.alg",
    "token.endpoint.auth.signing.max.exp",
    "tosUri",
    "use.jwks.string",
    "use.jwks.url",
    "use.refresh.tokens",
];

/// What attributes that are read elsewhere, or change nothing, begin with.
const KNOWN_BEGINNINGS: [&str; 5] = ["saml", "x509.", "ciba.", "docker", "client.type"];

/// Puts a client's restrictions into its record, or leaves it out.
pub(super) fn take(
    client: Members<'_>,
    attributes: Members<'_>,
    draft: &mut Draft,
    notes: &mut Notes,
) -> Result<(), Stop> {
    for (attribute, member) in [
        ("dpop.bound.access.tokens", "dpop_bound_access_tokens"),
        (
            "tls.client.certificate.bound.access.tokens",
            "tls_client_certificate_bound_access_tokens",
        ),
        (
            "require.pushed.authorization.requests",
            "require_pushed_authorization_requests",
        ),
    ] {
        // As Java's parseBoolean reads it.
        if attributes.is_true(attribute) {
            draft.set(member, true);
        }
    }
    match attributes
        .attribute("pkce.code.challenge.method")?
        .as_deref()
    {
        None => (),
        Some("S256") => draft.set("require_pkce", true),
        Some(method) => {
            return Err(Stop::LeftOut(format!(
                "its PKCE method is `{method}` (`pkce.code.challenge.method`), and only S256 is \
                 served"
            )));
        }
    }
    if client.flag("consentRequired", false)? {
        return Err(Stop::LeftOut(
            "it may have nothing without the person's consent (`consentRequired`), for which \
             nothing asks here"
                .to_owned(),
        ));
    }
    if let Some(flows) = client.object("authenticationFlowBindingOverrides")? {
        // Of the other one, the password grant alone makes use.
        if flows.text("browser")?.is_some() {
            return Err(Stop::LeftOut(
                "people sign in to it by a flow of its own (`authenticationFlowBindingOverrides`), \
                 and the login application has one for all"
                    .to_owned(),
            ));
        }
    }
    for (attribute, demands_nothing, why) in DEMANDS {
        let value = attributes.attribute(attribute)?;
        if let Some(value) = value.filter(|value| !demands_nothing.contains(&value.as_str())) {
            return Err(Stop::LeftOut(format!("{why} (`{attribute}` is `{value}`)")));
        }
    }
    for (member, text) in [
        ("description", "its description"),
        ("adminUrl", "its admin URL: nothing is pushed to it"),
        (
            "registrationAccessToken",
            "its registration access token: the tool changes clients, not they themselves",
        ),
    ] {
        if client.text(member)?.is_some() {
            notes.stays(text);
        }
    }
    tell(attributes, notes)?;
    Ok(())
}

/// The first limit on a client's sessions that is set.
pub(super) fn session_limit(attributes: Members<'_>) -> Result<Option<&'static str>, String> {
    for name in SESSION_LIMITS {
        if attributes.number(name)?.is_some_and(|seconds| seconds > 0) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Says what else the attributes change.
fn tell(attributes: Members<'_>, notes: &mut Notes) -> Result<(), String> {
    for (attribute, text) in TRUE {
        if attributes.is_true(attribute) && !text.is_empty() {
            match text.contains("grant") || text.starts_with("introspection") {
                true => notes.stays(text),
                false => notes.different(text),
            }
        }
    }
    for (attribute, text) in TOLD {
        let value = attributes.attribute(attribute)?;
        let is_nothing = |value: &String| ["any", "none", "{}", "[]"].contains(&value.as_str());
        if value.is_some_and(|value| !is_nothing(&value)) && !text.is_empty() {
            notes.stays(text);
        }
    }
    for name in attributes.0.keys() {
        let is_known = KNOWN.contains(&name.as_str())
            || SESSION_LIMITS.contains(&name.as_str())
            || KNOWN_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
            || DEMANDS.iter().any(|(known, ..)| known == name)
            || TRUE.iter().any(|(known, _)| known == name)
            || TOLD.iter().any(|(known, _)| known == name);
        let is_set = attributes
            .attribute(name)
            .is_ok_and(|value| value.is_some());
        if !is_known && is_set {
            notes.stays(format!(
                "the attribute `{name}`, which is not known here: look whether it restricts the \
                 client"
            ));
        }
    }
    Ok(())
}
