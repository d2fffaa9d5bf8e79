//! What must hold of every answer.

use edge_token::auth_method::AuthMethod;
use edge_token::dialect::Endpoint;
use edge_token::form::Form;
use edge_token::http::Response;
use edge_token::realm::Realm;
use edge_token::scope::ScopeSet;
use edge_token::service::{Log, Reply};
use edge_token::uri::is_loopback;
use serde_json::Value;

use super::super::known::{
    CLIENTS, LOGIN_URL, NOW, ODD_SECRET, REDIRECT_URI, SECRET, Shows, claims, known,
};
use super::super::requests::{basic_halves, is_reading};
use super::super::seen;
use super::super::signed::claim_of_client;
use super::Sent;
use super::world::{CANARY, World};

/// The statuses that README and docs name. Never a 500.
const STATUSES: [u16; 16] = [
    200, 201, 204, 303, 304, 400, 401, 403, 404, 405, 406, 413, 415, 429, 431, 503,
];

/// The parameters that hold secrets. All other parts of a form and a query may be told.
const SECRETS: [&str; 15] = [
    "client_secret",
    "client_assertion",
    "code",
    "code_verifier",
    "refresh_token",
    "subject_token",
    "actor_token",
    "assertion",
    "password",
    "token",
    "id_token_hint",
    "ticket",
    "decision",
    "request_uri",
    "nonce",
];

/// Checks an answer before it is learnt from.
pub fn check(sent: &Sent, reply: &Reply, world: &mut World) {
    let response = &reply.response;
    let at = known().at(&sent.path);
    let name = at.map_or("none", |(_, endpoint)| endpoint.name());
    seen(|| format!("{name} {}", response.status));
    assert!(STATUSES.contains(&response.status), "{}", response.status);
    frame(sent, response, at.map(|(_, endpoint)| endpoint), world);
    let line = log(reply);
    nothing_secret(sent, response, line, world);
    // All is configured and can be read; only what is told to fail does.
    assert!(response.status != 503 || sent.storage_fails, "503");
    if let Some((realm, endpoint)) = at {
        if sent.by_plain_http && !is_loopback(&sent.authority) && !endpoint.is_document() {
            assert!([403, 431].contains(&response.status), "by plain http");
        }
        match endpoint {
            Endpoint::Token => token(sent, response, realm, world),
            Endpoint::Introspection => introspection(sent, response, realm, world),
            Endpoint::Revocation => revocation(sent, response, realm, world),
            Endpoint::Userinfo => userinfo(sent, response, realm, world),
            Endpoint::Registration if response.status == 201 => {
                assert!(bearer(sent).is_some_and(|token| world.has_told(&["token"], token)));
            }
            Endpoint::PushedAuthorization if response.status == 201 => {
                assert!(
                    CLIENTS.iter().any(|(id, ..)| proves(id, sent, realm)) || is_new(sent, world)
                );
            }
            Endpoint::Ticket | Endpoint::Accept | Endpoint::Reject if response.status == 200 => {
                assert!(proves("login", sent, realm), "not the login application");
            }
            _ => (),
        }
    }
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    let mut fields = response.headers.iter().filter(|(known, _)| *known == name);
    let field = fields.next().map(|(_, value)| &**value);
    assert!(fields.next().is_none(), "{name} twice");
    field
}

/// What holds of header fields and bodies.
fn frame(sent: &Sent, response: &Response, endpoint: Option<Endpoint>, world: &World) {
    for (name, value) in &response.headers {
        assert!(
            value.bytes().all(|b| matches!(b, 0x20..=0x7e)),
            "{name}: {value:?}"
        );
        assert_eq!(*name, name.to_ascii_lowercase());
    }
    let content_type = header(response, "content-type");
    let cache = header(response, "cache-control");
    let is_document = endpoint.is_some_and(Endpoint::is_document);
    let is_public = is_document && matches!(response.status, 200 | 304);
    match response.status {
        _ if is_public => assert_eq!(cache, Some("public, max-age=300")),
        204 if cache.is_none() => assert_eq!(sent.method, "OPTIONS"),
        _ => assert_eq!(cache, Some("no-store")),
    }
    if response.body.is_empty() {
        let is_bodiless = matches!(response.status, 204 | 303 | 304);
        assert!(is_bodiless || sent.method == "HEAD");
    } else if (endpoint.is_some_and(Endpoint::is_for_browsers) || sent.path == "/")
        && content_type == Some("text/html; charset=utf-8")
    {
        assert!(response.body.starts_with("<!doctype html>"));
    } else {
        assert_eq!(content_type, Some("application/json"));
        let body = serde_json::from_str::<Value>(&response.body).expect("JSON");
        assert!(body.is_object());
        if response.status >= 400 {
            assert!(body["error"].is_string() && body.as_object().unwrap().len() == 2);
        }
    }
    let is_preflight = response.status == 204 && sent.method == "OPTIONS";
    assert_eq!(
        response.status == 405 || is_preflight,
        header(response, "allow").is_some()
    );
    assert!(response.status != 503 || header(response, "retry-after").is_some());
    assert!(response.status != 401 || header(response, "www-authenticate").is_some());
    assert_eq!(
        response.status == 303,
        header(response, "location").is_some()
    );
    if let Some(location) = header(response, "location") {
        // RFC 9700 §4.11: to nowhere but what is registered or configured.
        let goes = |uri: &str| {
            let rest = location.strip_prefix(uri);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '&']))
        };
        let mut uris = [LOGIN_URL, REDIRECT_URI]
            .into_iter()
            .chain(world.redirect_uris());
        assert!(uris.any(goes), "{location}");
    }
    if header(response, "set-cookie").is_some() {
        assert!(matches!(
            endpoint,
            Some(Endpoint::Authorization | Endpoint::Resume)
        ));
    }
}

/// The line of the log: JSON, of this answer, an error only if we failed.
fn log(reply: &Reply) -> &str {
    let status = reply.response.status;
    let Some(log) = &reply.log else {
        assert!(status < 500);
        return "";
    };
    let (Log::Info(line) | Log::Warning(line) | Log::Error(line)) = log;
    assert_eq!(matches!(log, Log::Error(_)), status >= 500);
    let read = serde_json::from_str::<Value>(line).expect("JSON");
    assert_eq!(read["status"], status);
    assert!(!line.contains('\n'));
    line
}

/// No secret of a request is in the log or in the answer, unless something had it where no secret
/// stands.
fn nothing_secret(sent: &Sent, response: &Response, line: &str, world: &mut World) {
    let mut secret = [&sent.authorization, &sent.cookie, &sent.dpop]
        .map(|field| field.clone().unwrap_or_default())
        .join("\n");
    if let Some((_, half)) = basic_halves(sent.authorization.as_deref(), true) {
        secret += &half;
    }
    let open = &mut world.open;
    open.extend([&*sent.path, "\n", &sent.authority, "\n"]);
    for text in [sent.query.as_bytes(), &sent.body] {
        for (name, value) in form_urlencoded::parse(text) {
            if SECRETS.contains(&&*name) {
                secret += &value;
            } else {
                open.extend([&*name, "\n", &value, "\n"]);
            }
        }
    }
    // An object has more than secrets, and they are not told apart here.
    if sent.body.trim_ascii_start().starts_with(b"{") {
        *open += &String::from_utf8_lossy(&sent.body);
    }
    let open = &world.open;
    let fixed = [SECRET, ODD_SECRET, CANARY];
    for text in fixed.into_iter().chain(world.secrets()) {
        if text.len() < 16 || !secret.contains(text) || open.contains(text) {
            continue;
        }
        assert!(!line.contains(text), "a secret is in the log");
        let fields = response.headers.iter().map(|(_, value)| &**value);
        // What is presented may be what is told again: the same successor, code or ticket.
        if response.status >= 400 || fixed.contains(&text) {
            assert!(
                !fields
                    .chain([&*response.body])
                    .any(|told| told.contains(text)),
                "told"
            );
        }
    }
}

/// A parameter of a request's form, read as forgivingly as can be.
fn parameter(sent: &Sent, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(&sent.body).filter(|(_, value)| !value.is_empty());
    pairs
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Whether a request has what a client shows to be itself, in the registered way and no other.
fn proves(id: &str, sent: &Sent, realm: &Realm) -> bool {
    let Some((_, method, shows)) = CLIENTS.iter().find(|(known, ..)| *known == id) else {
        return false;
    };
    let is_named = parameter(sent, "client_id").as_deref() == Some(id);
    let shown = parameter(sent, "client_secret");
    match (shows, method) {
        _ if id == "off" => false,
        (Shows::Secret(secret), AuthMethod::ClientSecretPost) => {
            is_named && shown.as_deref() == Some(secret) && sent.authorization.is_none()
        }
        (Shows::Secret(secret), _) => {
            let unencoded = realm.dialect.unencoded_basic;
            let halves = basic_halves(sent.authorization.as_deref(), unencoded);
            halves.is_some_and(|(one, two)| is_reading(&one, id) && is_reading(&two, secret))
        }
        (Shows::Key, _) => {
            // What is signed by the client's key is made in `World::named` alone.
            let assertion = parameter(sent, "client_assertion");
            let claims = assertion.as_deref().and_then(claims);
            claims.is_some_and(|claims| claims["sub"] == id && claims["iss"] == id)
        }
        (Shows::Certificate, _) => {
            is_named
                && sent.certificate.is_some_and(|shown| {
                    shown.verified == "SUCCESS"
                        && shown.revoked == "0"
                        && shown.subject_dn == super::SUBJECT_DN
                })
        }
        (Shows::Nothing, _) => is_named && sent.authorization.is_none() && shown.is_none(),
    }
}

/// Whether a request has what a client has that registered itself.
fn is_new(sent: &Sent, world: &World) -> bool {
    world.registered.iter().any(|new| match &new.secret {
        Some(secret) => {
            let halves = basic_halves(sent.authorization.as_deref(), false);
            let is_basic = halves
                .is_some_and(|(one, two)| is_reading(&one, &new.id) && is_reading(&two, secret));
            let named = parameter(sent, "client_id").as_ref() == Some(&new.id);
            is_basic || named && parameter(sent, "client_secret").as_ref() == Some(secret)
        }
        None => true,
    })
}

/// RFC 6749 §5: tokens for those who show who they are, within what they may have, and what is good
/// once is good once.
fn token(sent: &Sent, response: &Response, realm: &Realm, world: &mut World) {
    if response.status == 401 {
        let member = realm.dialect.error_description;
        let same =
            format!(r#"{{"error":"invalid_client","{member}":"Client authentication failed."}}"#);
        assert!(
            response.body == same || sent.method == "HEAD",
            "they look alike"
        );
    }
    if response.status != 200 {
        return;
    }
    assert_eq!(sent.method, "POST");
    assert!(Form::parse(&sent.body).is_ok());
    let body = serde_json::from_str::<Value>(&response.body).unwrap();
    let token = body["access_token"].as_str().expect("a token");
    let claims = claims(token).expect("claims");
    let id = claims[claim_of_client(realm.dialect)]
        .as_str()
        .expect("a client");
    let grant_type = parameter(sent, "grant_type").expect("a grant type");
    seen(|| format!("{} {grant_type}", realm.dialect.name));
    assert!(
        proves(id, sent, realm) || is_new(sent, world),
        "{id} did not show who it is"
    );
    assert!(grant_type != "client_credentials" || id != "public");
    assert!(
        id != "late" || world.now.seconds() < NOW + 10,
        "the secret had expired"
    );
    // The claims.
    assert_eq!(claims["iss"], realm.iss());
    let (iat, exp) = (
        claims["iat"].as_u64().unwrap(),
        claims["exp"].as_u64().unwrap(),
    );
    assert_eq!(iat, world.now.seconds());
    assert_eq!(body["expires_in"], exp - iat);
    assert!(exp - iat <= u64::from(realm.access_token_ttl.0));
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 22));
    if let Some(client) = known().client(id) {
        let scope = ScopeSet::parse(body["scope"].as_str().unwrap_or_default()).unwrap();
        assert!(scope.is_subset(&client.scope), "more than the client's");
    }
    let is_bound = claims["cnf"]["jkt"].is_string();
    assert_eq!(body["token_type"] == "DPoP", is_bound);
    assert_eq!(is_bound, sent.dpop.is_some(), "a proof binds the token");
    // Once.
    let once = match &*grant_type {
        "authorization_code" => parameter(sent, "code").inspect(|code| {
            assert!(world.has_told(&["code"], code), "nobody told that code");
        }),
        "refresh_token" => {
            let token = parameter(sent, "refresh_token").unwrap();
            assert!(world.has_told(&["refresh"], &token));
            assert!(!world.dead.contains(&(realm.name.to_string(), token)));
            None
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => parameter(sent, "assertion"),
        "urn:ietf:params:oauth:grant-type:token-exchange" => {
            let token = parameter(sent, "subject_token").unwrap();
            assert!(!world.dead.contains(&(realm.name.to_string(), token)));
            None
        }
        _ => None,
    };
    let shown = (id == "signer").then(|| parameter(sent, "client_assertion").unwrap());
    for one in [once, shown, sent.dpop.clone()].into_iter().flatten() {
        assert!(world.used.insert(one), "used twice");
    }
}

fn bearer(sent: &Sent) -> Option<&str> {
    let (_, token) = sent.authorization.as_deref()?.split_once(' ')?;
    Some(token.trim())
}

/// RFC 7662 §2.2: active is only what the service issued and nobody revoked.
fn introspection(sent: &Sent, response: &Response, realm: &Realm, world: &World) {
    if response.status != 200 {
        return;
    }
    let is_confidential = |id: &str| id != "public" && proves(id, sent, realm);
    assert!(CLIENTS.iter().any(|(id, ..)| is_confidential(id)) || is_new(sent, world));
    let body = serde_json::from_str::<Value>(&response.body).unwrap();
    if body["active"] == false {
        assert_eq!(response.body, r#"{"active":false}"#);
        return;
    }
    seen(|| "introspection active".to_owned());
    assert_eq!(body["active"], true);
    let token = parameter(sent, "token").unwrap();
    assert!(
        world.has_told(&["token", "refresh"], &token),
        "nobody issued it"
    );
    assert!(
        !world.dead.contains(&(realm.name.to_string(), token)),
        "it was revoked"
    );
    assert!(body["exp"].as_u64().unwrap() > world.now.seconds());
    assert_eq!(body["iss"], realm.iss());
}

/// RFC 7009 §2: what was revoked is dead in that realm.
fn revocation(sent: &Sent, response: &Response, realm: &Realm, world: &mut World) {
    if response.status != 200 {
        return;
    }
    assert!(CLIENTS.iter().any(|(id, ..)| proves(id, sent, realm)) || is_new(sent, world));
    let token = parameter(sent, "token").unwrap();
    if world.has_told(&["token", "refresh"], &token) {
        seen(|| "revocation of a token".to_owned());
        world.dead.insert((realm.name.to_string(), token));
    }
}

/// OpenID Connect Core §5.3: claims for who has a token that lives.
fn userinfo(sent: &Sent, response: &Response, realm: &Realm, world: &World) {
    if response.status != 200 {
        return;
    }
    let token = bearer(sent).unwrap();
    assert!(world.has_told(&["token"], token));
    assert!(
        !world
            .dead
            .contains(&(realm.name.to_string(), token.to_owned()))
    );
    assert_eq!(claims(token).unwrap()["iss"], realm.iss());
}
