//! A client of Keycloak (ClientRepresentation): what its record is to be here.

use edge_token::client::{ClientSecret, MAX_ACCESS_TOKEN_TTL};
use edge_token::family::OFFLINE_ACCESS;
use edge_token::grant_type::GrantType;
use edge_token::person::OPENID;
use serde_json::{Map, Value};

use super::super::list::page;
use super::super::placeholder::is_template;
use super::super::value::Members;
use super::super::{Draft, Notes, Secret, Stop};
use super::mappers::{Mapped, NO_ROLES};
use super::role_claims::{ABOUT_OTHERS, RoleClaims, is_of_roles};
use super::scopes::{OfClient, ROLES};
use super::{Realm, ServiceAccount, key, restrictions, uris};

/// Reads a client, in the order in which one asks: whether it can be here at all, what restricts
/// it, how it authenticates, what it may use, what its tokens say.
pub(super) fn draft(client: Members<'_>, realm: &Realm, notes: &mut Notes) -> Result<Draft, Stop> {
    let id = client
        .text("clientId")?
        .ok_or("`clientId` is missing".to_owned())?;
    if is_template(&id) {
        return Err(Stop::Wrong("its `clientId` is a placeholder".to_owned()));
    }
    let none = Map::new();
    let attributes = client.object("attributes")?.unwrap_or(Members(&none));
    if let Some(protocol) = client
        .text("protocol")?
        .filter(|name| name != "openid-connect")
    {
        return Err(Stop::LeftOut(format!(
            "its protocol is {protocol}, not openid-connect"
        )));
    }
    if client.flag("bearerOnly", false)? {
        return Err(Stop::LeftOut(
            "it only verifies tokens (bearer-only)".to_owned(),
        ));
    }
    let mut draft = Draft {
        has_scopes_of_realm: true,
        ..Draft::default()
    };
    realm.policies.apply(&mut draft)?;
    restrictions::take(client, attributes, &mut draft, notes)?;
    draft.set("client_id", id.as_str());
    match client.text("name")? {
        Some(name) if name.contains("${") => {
            notes.stays("its name, which is a key to messages in several languages");
        }
        Some(name) => draft.set("client_name", name),
        None => (),
    }
    for (attribute, member) in [
        ("logoUri", "logo_uri"),
        ("policyUri", "policy_uri"),
        ("tosUri", "tos_uri"),
    ] {
        page(&mut draft, member, attributes.attribute(attribute)?, notes);
    }
    if !client.flag("enabled", true)? {
        draft.set("disabled", true);
    }
    authentication(client, attributes, &mut draft, notes)?;
    let default = client.texts("defaultClientScopes")?;
    let optional = client.texts("optionalClientScopes")?;
    let scopes = realm
        .scopes
        .of_client(default.as_deref(), optional.as_deref(), notes);
    grants(client, attributes, &id, realm, &scopes, &mut draft, notes)?;
    scope(&scopes, &mut draft);
    tokens(client, attributes, realm, &scopes, &mut draft, notes)?;
    not_before(client, &id, realm, notes)?;
    Ok(draft)
}

/// How it authenticates.
fn authentication(
    client: Members<'_>,
    attributes: Members<'_>,
    draft: &mut Draft,
    notes: &mut Notes,
) -> Result<(), Stop> {
    if client.flag("publicClient", false)? {
        draft.set("token_endpoint_auth_method", "none");
        return Ok(());
    }
    let authenticator = client.text("clientAuthenticatorType")?;
    match authenticator.as_deref().unwrap_or("client-secret") {
        "client-secret" => secret(client, attributes, draft),
        "client-jwt" => keys(attributes, draft, notes),
        "client-x509" => certificate(attributes, draft),
        "client-secret-jwt" => Err(Stop::LeftOut(
            "it signs assertions with its secret (client-secret-jwt), which is not served: give it \
             a key of its own, or let it send the secret"
                .to_owned(),
        )),
        other => Err(Stop::LeftOut(format!(
            "it authenticates by `{other}`, which is not served"
        ))),
    }
}

/// A secret, sent by Basic or in the form as the client likes, and the one before it.
fn secret(client: Members<'_>, attributes: Members<'_>, draft: &mut Draft) -> Result<(), Stop> {
    let only = attributes.attribute("client.secret.authentication.allowed.method")?;
    match only.as_deref() {
        None => (),
        Some(way) if way.contains("basic") => {
            draft.set("token_endpoint_auth_method", "client_secret_basic");
        }
        Some(way) if way.contains("post") => {
            draft.set("token_endpoint_auth_method", "client_secret_post");
        }
        Some(way) => {
            return Err(Stop::LeftOut(format!(
                "it may send its secret by `{way}` alone"
            )));
        }
    }
    draft.secret = Secret::of(client.text("secret")?);
    let time = |name: &str| {
        let seconds = attributes.number(name)?.filter(|seconds| *seconds > 0);
        Ok::<_, String>(seconds.and_then(|seconds| u64::try_from(seconds).ok()))
    };
    draft.secret_expires_at = time("client.secret.expiration.time")?;
    let rotated = attributes.attribute("client.secret.rotated")?;
    let until = time("client.secret.rotated.expiration.time")?;
    if let Some((rotated, until)) = rotated.zip(until)
        && matches!(Secret::of(Some(rotated.clone())), Secret::Given(_))
    {
        draft.rotated = Some((ClientSecret::new(rotated), until));
    }
    Ok(())
}

/// Assertions, by keys that are in the file, as a JWK Set or else one by itself, or at a URL.
fn keys(attributes: Members<'_>, draft: &mut Draft, notes: &mut Notes) -> Result<(), Stop> {
    let algorithm = attributes.attribute("token.endpoint.auth.signing.alg")?;
    if let Some(algorithm) = algorithm.filter(|algorithm| algorithm != "ES256") {
        return Err(Stop::LeftOut(format!(
            "its assertions must be signed by {algorithm} (`token.endpoint.auth.signing.alg`), and \
             ES256 alone is served"
        )));
    }
    draft.set("token_endpoint_auth_method", "private_key_jwt");
    let url = attributes.attribute("jwks.url")?;
    let text = attributes.attribute("jwks.string")?;
    let has_key = attributes.attribute(key::CERTIFICATE)?.is_some()
        || attributes.attribute(key::PUBLIC_KEY)?.is_some();
    // In Keycloak's order. Without the switches, what there is counts.
    let (by_url, by_text) = match (
        attributes.is_true("use.jwks.url"),
        attributes.is_true("use.jwks.string"),
    ) {
        (true, _) => (true, false),
        (_, true) => (false, true),
        _ => (url.is_some() && !has_key, text.is_some() && !has_key),
    };
    if by_text {
        let text =
            text.ok_or("`use.jwks.string` is true and `jwks.string` is missing".to_owned())?;
        let keys = serde_json::from_str::<Value>(&text);
        draft.set(
            "jwks",
            keys.map_err(|_| "its `jwks.string` is not JSON".to_owned())?,
        );
        return Ok(());
    }
    if by_url {
        let url = url.ok_or("`use.jwks.url` is true and `jwks.url` is missing".to_owned())?;
        if is_template(&url) {
            return Err(Stop::Wrong("its `jwks.url` is a placeholder".to_owned()));
        }
        notes.different(
            "its keys are those that its JWKS URL had at the import, and do not follow it: `client \
             set-jwks` changes them",
        );
        draft.jwks_url = Some(url);
        return Ok(());
    }
    let set = key::set(attributes)?.ok_or(
        "it signs assertions (client-jwt), and has neither `jwks.url` nor `jwks.string`, and no \
         key in `jwt.credential.certificate` or `jwt.credential.public.key`"
            .to_owned(),
    )?;
    draft.set("jwks", set);
    Ok(())
}

/// A certificate, by its subject. Keycloak takes the subject for a regular expression unless that
/// is turned off.
fn certificate(attributes: Members<'_>, draft: &mut Draft) -> Result<(), Stop> {
    let subject = attributes.attribute("x509.subjectdn")?;
    let subject = subject.ok_or("`x509.subjectdn` is missing".to_owned())?;
    if is_template(&subject) {
        return Err(Stop::Wrong(
            "its `x509.subjectdn` is a placeholder".to_owned(),
        ));
    }
    let may_be_pattern = attributes
        .attribute("x509.allow.regex.pattern.comparison")?
        .is_none_or(|allowed| allowed.trim().eq_ignore_ascii_case("true"));
    if may_be_pattern && subject.contains(|c| r"()[]{}*+?^$|\".contains(c)) {
        return Err(Stop::LeftOut(
            "the subject of its certificate is a pattern (`x509.subjectdn`), and is compared \
             exactly here"
                .to_owned(),
        ));
    }
    draft.set("token_endpoint_auth_method", "tls_client_auth");
    draft.set("tls_client_auth_subject_dn", subject);
    Ok(())
}

/// What it may use, and where browsers are sent.
fn grants(
    client: Members<'_>,
    attributes: Members<'_>,
    id: &str,
    realm: &Realm,
    scopes: &OfClient<'_>,
    draft: &mut Draft,
    notes: &mut Notes,
) -> Result<(), Stop> {
    let is_public = client.flag("publicClient", false)?;
    let directly = client.flag("directGrantsOnly", false)?;
    let mut grants = Vec::new();
    let mut behind = Vec::new();
    // 1. For itself.
    if client.flag("serviceAccountsEnabled", false)? && !is_public {
        match realm.service_accounts.as_ref().and_then(|all| all.get(id)) {
            Some(account) if !account.enabled => {
                notes.stays("client credentials: the user of its service account is disabled");
                behind.push("client credentials, of a disabled service account");
            }
            _ => grants.push(GrantType::ClientCredentials),
        }
    }
    // 2. For people.
    let urls = client.texts("redirectUris")?.unwrap_or_default();
    let root = client.text("rootUrl")?;
    let root = root.as_deref();
    if client.flag("standardFlowEnabled", !directly)? {
        let kept = uris::kept(&urls, root, "redirect URI", notes);
        if kept.is_empty() {
            if !urls.is_empty() {
                behind.push("codes, with redirect URIs that are all patterns or otherwise unfit");
            }
        } else {
            grants.push(GrantType::AuthorizationCode);
            let logout = attributes.attribute("post.logout.redirect.uris")?;
            let logout = logout.as_deref().map(uris::listed).unwrap_or_default();
            let after_logout = match logout.first().map(String::as_str) {
                Some("-") => Vec::new(),
                None | Some("+") => kept.clone(),
                Some(_) => uris::kept(&logout, root, "post-logout redirect URI", notes),
            };
            if !after_logout.is_empty() {
                draft.set("post_logout_redirect_uris", after_logout);
            }
            draft.set("redirect_uris", kept);
            if is_public && draft.members.get("require_pkce").is_none() {
                notes.different("PKCE with S256 (RFC 7636) is required, as of every public client");
            }
            let origins = client.texts("webOrigins")?;
            let origins = origins.unwrap_or_else(|| vec!["+".to_owned()]);
            draft.origins = uris::origins(&origins, &urls);
        }
    }
    // 3. What goes with both.
    if attributes.is_true("standard.token.exchange.enabled") && !is_public {
        grants.push(GrantType::TokenExchange);
    }
    let has_people = grants.contains(&GrantType::AuthorizationCode);
    let is_offline =
        scopes.default.contains(&OFFLINE_ACCESS) || scopes.optional.contains(&OFFLINE_ACCESS);
    let refreshes = attributes
        .attribute("use.refresh.tokens")?
        .is_none_or(|used| used.trim().eq_ignore_ascii_case("true"));
    if refreshes && !grants.is_empty() && (has_people || is_offline) {
        match restrictions::session_limit(attributes)? {
            None => grants.push(GrantType::RefreshToken),
            Some(limit) if has_people => {
                return Err(Stop::LeftOut(format!(
                    "its refresh tokens have lifetimes of their own (`{limit}`), and here the \
                     realm's count for all"
                )));
            }
            Some(limit) => notes.stays(format!(
                "refresh tokens with the scope `offline_access`: their lifetimes (`{limit}`) are \
                 the realm's to say here"
            )),
        }
    }
    if attributes.is_true("client_credentials.use_refresh_token") && !is_offline {
        notes.stays(
            "refresh tokens for client credentials without the scope `offline_access`: it asks for \
             another token instead",
        );
    }
    // 4. What is not served.
    for (name, what) in [
        ("directAccessGrantsEnabled", PASSWORD),
        ("directGrantsOnly", PASSWORD),
        (
            "implicitFlowEnabled",
            "the implicit grant, which is not served: codes with PKCE instead",
        ),
        (
            "authorizationServicesEnabled",
            "authorization services: resources, policies and UMA",
        ),
    ] {
        if client.flag(name, false)? {
            notes.stays(what);
            behind.push(what);
        }
    }
    for (attribute, what) in [
        (
            "oauth2.device.authorization.grant.enabled",
            "the device grant, which is not served",
        ),
        (
            "oidc.ciba.grant.enabled",
            "the CIBA grant, which is not served",
        ),
    ] {
        if attributes.is_true(attribute) {
            behind.push(what);
        }
    }
    if grants.is_empty() && (is_public || !behind.is_empty()) {
        behind.dedup();
        return Err(Stop::LeftOut(match behind.is_empty() {
            true => "it is public and has no redirect URI, so it uses no grant".to_owned(),
            false => format!("nothing that it uses is served: {}", behind.join("; ")),
        }));
    }
    if grants.is_empty() {
        notes.different("it uses no grant: it is here to ask about tokens for it (introspection)");
    }
    // 5. What it answers for: it may ask about tokens for it, and exchange them.
    if !is_public {
        draft.set("resources", vec![id]);
    }
    let names = grants.iter().map(|grant| grant.name());
    draft.set("grant_types", names.collect::<Vec<_>>());
    Ok(())
}

const PASSWORD: &str =
    "the password grant, which is not served: docs/migrate.md has what clients use instead";

/// What it may ask for. Keycloak grants `openid` to every client that asks.
fn scope(scopes: &OfClient<'_>, draft: &mut Draft) {
    let mut all = vec![OPENID];
    let others = scopes.default.iter().chain(&scopes.optional);
    all.extend(others.filter(|name| **name != OPENID));
    draft.set("scope", all.join(" "));
    draft.set("default_scope", scopes.default.join(" "));
    let hidden = scopes.hidden.iter().filter(|name| !all.contains(name));
    let hidden = hidden.copied().collect::<Vec<_>>();
    if !hidden.is_empty() {
        draft.set("hidden_scope", hidden.join(" "));
    }
}

/// What its tokens say, and how long they live.
fn tokens(
    client: Members<'_>,
    attributes: Members<'_>,
    realm: &Realm,
    scopes: &OfClient<'_>,
    draft: &mut Draft,
    notes: &mut Notes,
) -> Result<(), Stop> {
    // 1. Mappers.
    let id = client.text("clientId")?.unwrap_or_default();
    let is_for_others = ABOUT_OTHERS.into_iter().any(|grant| uses(draft, grant));
    let roles = match uses(draft, GrantType::ClientCredentials) && !is_for_others {
        true => RoleClaims::of(client, &id, realm, scopes, notes)?,
        false => None,
    };
    let has_roles = roles.is_some();
    let mut mapped = Mapped::default();
    let own = client.objects("protocolMappers")?;
    let of_scopes = scopes.mappers.iter().map(|(_, mapper)| *mapper);
    for mapper in own.into_iter().chain(of_scopes) {
        if !has_roles || !is_of_roles(mapper)? {
            mapped.add(mapper, realm.dialect, notes)?;
        }
    }
    match roles {
        Some(roles) => roles.add_to(&mut mapped, &id, realm.dialect, notes)?,
        None if scopes.in_effect.contains(&ROLES) => notes.stays(NO_ROLES),
        None => (),
    }
    let mut of_optional = Mapped::default();
    for (name, mapper) in &scopes.optional_mappers {
        of_optional.add(*mapper, realm.dialect, &mut Notes::default())?;
        if !of_optional.audience.is_empty() || !of_optional.claims.is_empty() {
            notes.stays(format!(
                "what the optional client scope `{name}` adds to tokens with it, an audience or \
                 claims"
            ));
            of_optional = Mapped::default();
        }
    }
    if !mapped.audience.is_empty() {
        if uses(draft, GrantType::TokenExchange) {
            draft.set("exchange_audience", mapped.audience.clone());
        }
        draft.set("audience", mapped.audience);
    }
    if !mapped.claims.is_empty() {
        draft.set("claims", mapped.claims);
    }
    // 2. The service account.
    if uses(draft, GrantType::ClientCredentials) {
        let account = realm.service_accounts.as_ref().and_then(|all| all.get(&id));
        match account.and_then(|account| account.id.as_ref()) {
            Some(subject) => draft.set("subject", subject.as_str()),
            None => notes.different(
                "`sub` of the tokens for itself is its client id: the file has no user of its \
                 service account (export with users)",
            ),
        }
        if let Some(account) = account.filter(|_| !has_roles) {
            behind(account, is_for_others, notes);
        }
    }
    // 3. Lifetimes.
    let own = attributes.number("access.token.lifespan")?;
    let (seconds, whose) = match own.filter(|seconds| *seconds != 0) {
        // "Expires with the session", which a client has not here: the realm's is shorter.
        Some(-1) => {
            notes.different(
                "its access tokens live as long as the realm's, not as long as sessions",
            );
            (realm.lifespan, "the realm's `accessTokenLifespan`")
        }
        Some(seconds) => (Some(seconds), "its `access.token.lifespan`"),
        None => (realm.lifespan, "the realm's `accessTokenLifespan`"),
    };
    let longest = i64::from(MAX_ACCESS_TOKEN_TTL.0);
    match seconds {
        None | Some(0) => (),
        Some(seconds) if seconds < 0 => {
            return Err(Stop::Wrong(format!(
                "{whose} must be 1 to {longest} seconds"
            )));
        }
        Some(seconds) if seconds > longest => {
            notes.different(format!(
                "its access tokens live {longest} s, not {seconds} s"
            ));
            draft.set("access_token_ttl", longest);
        }
        Some(seconds) => draft.set("access_token_ttl", seconds),
    }
    // None lives longer than its session may.
    if let Some(limit) = attributes.number("client.session.max.lifespan")?
        && limit > 0
        && limit < seconds.unwrap_or_else(|| realm.dialect.access_token_ttl.0.into())
    {
        draft.set("access_token_ttl", limit.min(longest));
    }
    Ok(())
}

/// Says which roles and groups of its service account are in no token, and why not.
fn behind(account: &ServiceAccount, is_for_others: bool, notes: &mut Notes) {
    let why = match is_for_others {
        true => {
            "verifiers miss them, since what its record's `claims` say is in its tokens of people \
             too"
        }
        false => "verifiers miss them",
    };
    for (what, names) in [
        ("roles", &account.special_roles()),
        ("groups", &account.groups),
    ] {
        if !names.is_empty() {
            let names = names.join("`, `");
            notes.stays(format!(
                "the {what} of its service account, `{names}`: {why}"
            ));
        }
    }
}

/// Says which of its tokens are void.
fn not_before(
    client: Members<'_>,
    id: &str,
    realm: &Realm,
    notes: &mut Notes,
) -> Result<(), String> {
    if let Some(before) = client.number("notBefore")?.filter(|before| *before > 0) {
        notes.task(format!(
            "its tokens from before {before} are void there: `edge-token revoke client --realm {} \
             --client-id {id} --before {before}` voids those of here",
            realm.destination
        ));
    }
    Ok(())
}

fn uses(draft: &Draft, grant: GrantType) -> bool {
    let grants = draft.members.get("grant_types").and_then(Value::as_array);
    grants.is_some_and(|grants| grants.iter().any(|name| name == grant.name()))
}
